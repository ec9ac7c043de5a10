/** Says on stderr what is done, and how long it took. */
export class Steps {
  readonly #begun = performance.now();
  /** What has been done, with the seconds it took. */
  readonly done: { name: string; seconds: number }[] = [];

  async run<T>(name: string, action: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    process.stderr.write(`${name} …`);
    const result = await action();
    const seconds = (performance.now() - begun) / 1000;
    this.done.push({ name, seconds });
    process.stderr.write(` ${seconds.toFixed(1)} s\n`);
    return result;
  }

  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  end(): void {
    this.say(`all in ${((performance.now() - this.#begun) / 1000).toFixed(0)} s`);
  }
}
