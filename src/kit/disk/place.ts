import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '../runtime/errors.ts';

/** Whether the file system of `folder` takes no writes at all (mounted so, or turned so after an error of the disk). */
export function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EROFS';
  }
}

/** `path`, or the first folder above it that is there. */
export function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}
