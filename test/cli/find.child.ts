import { findCommand } from '../../src/cli/find.ts';

/** `porchlight find`, to be run inside a namespace. */
process.exitCode = await findCommand.run(process.argv.slice(2), {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  terminal: false,
});
