import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, Problem } from '../../../kit/runtime/errors.ts';
import { writeAtomic } from '../../../kit/store/files.ts';
import { certificateFiles } from '../../../protocol/enrolment-api.ts';
import type { Certificates } from './certificate-uploader.ts';
import { type Destination, destinationRefused } from './destination.ts';
import { storageProblem, toldOutside } from '../../../kit/disk/problem.ts';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/**
 * Medium 1: both certificates as files in a folder of the app. Each step down is opened below the one before it and must be
 * a folder, not a link, and the files are made below what is open then: nobody who may rename folders on the way can have
 * them land elsewhere.
 */
export class CertificateFiles {
  #last: Promise<void> = Promise.resolve();

  /** Throws `destination-refused`, `StorageProblem`s. */
  write(destination: Destination, certificates: Certificates): Promise<void> {
    // One at a time, so that two of them for one folder do not meet.
    const write = this.#last.then(() => this.#write(destination, certificates));
    this.#last = write.catch(() => undefined);
    return write;
  }

  async #write(destination: Destination, { caPem, certificatePem }: Certificates): Promise<void> {
    const folder = await openFolder(destination);
    try {
      const { uid, gid } = await folder.stat();
      // As root, the files are the app's like its folder. Else the app is another user, who must be able to read them:
      // certificates are no secret.
      const root = process.getuid?.() === 0;
      const [mode, owner] = root ? [0o600, { uid, gid }] : [0o644, undefined];
      await writeAtomic(within(folder, certificateFiles.ca), caPem, mode, owner);
      await writeAtomic(within(folder, certificateFiles.device), certificatePem, mode, owner);
    } catch (error) {
      throw refusedBy(error);
    } finally {
      await folder.close();
    }
  }
}

/** Linux has no other way to say *below this open folder* to Node (openat(2)). */
const within = (folder: FileHandle, name: string): string => join('/proc/self/fd', String(folder.fd), name);

async function openFolder({ root, steps }: Destination): Promise<FileHandle> {
  try {
    // The way to the allowed folder is the owner's own and may have links.
    let folder = await open(root, O_RDONLY | O_DIRECTORY);
    for (const step of steps) {
      const above = folder;
      try {
        folder = await open(within(above, step), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      } finally {
        await above.close();
      }
    }
    return folder;
  } catch (error) {
    throw refusedBy(error);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder; make it first',
  ENOTDIR: 'it is no folder, or a link is on the way to it',
  ELOOP: 'a link is on the way to it',
  EACCES: 'the box has no right to write there',
  EPERM: 'the box has no right to write there',
  EROFS: 'it is read-only for the box',
};

/** For whoever asked, who need not know the box's own paths. */
function refusedBy(error: unknown): Problem {
  const system = error instanceof Problem ? String(error.details['system']) : codeOf(error);
  const reason = reasons[system];
  if (reason !== undefined) return destinationRefused(reason, error);
  return toldOutside(storageProblem('the folder of the certificates', error));
}
