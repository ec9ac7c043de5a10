// Which of the locked npm packages belong on this machine. The native parts of the tools (bindings of the linter, the
// bundler, the compiler) are *optional* to npm, one package for each platform: it installs those that fit, and is content
// with none.

/**
 * Folders, from the root of the project, that a complete `npm ci` leaves on a machine: all that is not optional, and of the
 * optional ones those that name this platform. (Optional ones without a platform are parts of those of another.)
 * @param {Record<string, { optional?: boolean; os?: string[]; cpu?: string[]; libc?: string[] }>} locked
 * @param {{ os: string; cpu: string; libc: string | undefined }} machine
 * @returns {string[]}
 */
export function packagesFor(locked, machine) {
  return Object.entries(locked).flatMap(([path, { optional, os, cpu, libc }]) => {
    if (path === '') return [];
    if (!optional) return [path];
    const fits = takes(os, machine.os) && takes(cpu, machine.cpu) && takes(libc, machine.libc);
    const native = os !== undefined && cpu !== undefined;
    return native && fits ? [path] : [];
  });
}

/** As npm reads these lists: `!win32` is *any but this*. */
function takes(list, value) {
  if (list === undefined || value === undefined) return true;
  return list.some((each) =>
    each.startsWith('!') ? each.slice(1) !== value : each === value || each === 'any',
  );
}

/** This machine, in npm's words. The C library counts on Linux only. */
export function thisMachine() {
  process.report.excludeNetwork = true;
  const glibc =
    process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime !== undefined;
  return {
    os: process.platform,
    cpu: process.arch,
    libc: process.platform === 'linux' ? (glibc ? 'glibc' : 'musl') : undefined,
  };
}
