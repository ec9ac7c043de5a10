/* A box in a process of its own that an app asks for its next tokens, and that dies before the app has them. */
import { dieAtCommit } from '../../support/die-at-commit.ts';
import { openLab, refresh } from '../lab/lab.ts';

const [folder = '', refreshToken = '', nth = ''] = process.argv.slice(2);
const lab = await openLab({ folder });
dieAtCommit(Number(nth), 'after');
await refresh(lab, refreshToken);
// It was the last commit, or there were fewer: the answer is there, and nobody has read it.
process.kill(process.pid, 'SIGKILL');
