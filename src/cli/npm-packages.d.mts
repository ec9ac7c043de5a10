export interface Locked {
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
}

export interface Machine {
  os: string;
  cpu: string;
  libc: string | undefined;
}

export declare function packagesFor(locked: Readonly<Record<string, Locked>>, machine: Machine): string[];
export declare function thisMachine(): Machine;
