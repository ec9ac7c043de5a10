declare module 'systemd-notify' {
  /** Runs the program `systemd-notify`; rejects with what it printed. */
  export default function notify(options: {
    ready?: boolean;
    status?: string;
    pid?: number;
  }): Promise<unknown>;
}
