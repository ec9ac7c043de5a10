import type { JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { isAbort } from '../../../kit/runtime/errors.ts';
import type { LogLine } from '../../../protocol/access-api.ts';
import { Button } from '../../shared/controls.tsx';
import { logTime } from '../../shared/format.ts';
import { PageHeading } from '../../shared/layout.tsx';
import { ProblemNotice } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useSession, useVisit } from '../visit.ts';
import { logFileName, logText, withNewLines } from './log-lines.ts';

const pollMs = 2000;
type Level = LogLine['level'];

export function Logs(): JSX.Element {
  const t = useConsoleText();
  const [level, setLevel] = useState<Level>('info');
  const [paused, setPaused] = useState(false);
  const { lines, problem } = useTail(level, paused);
  const { boxName } = useSession();
  const id = useId();
  return (
    <>
      <PageHeading>{t.logs.title}</PageHeading>
      <p class="soft">{t.logs.intro}</p>
      <div class="actions">
        <label for={id}>{t.logs.level}</label>
        <select id={id} value={level} onChange={(event) => setLevel(event.currentTarget.value as Level)}>
          {Object.entries(t.logs.levels).map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
        <Button aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {t.logs.pause}
        </Button>
        <Button onClick={() => save(logText(lines), logFileName(boxName, Date.now()))}>
          {t.logs.download}
        </Button>
      </div>
      <ProblemNotice problem={problem} />
      <Lines lines={lines} follow={!paused} />
      <p class="soft">{t.logs.count(lines.length)}</p>
    </>
  );
}

/** The last lines at `level` or worse, and the new ones as they come, while the page is visible. */
function useTail(level: Level, paused: boolean): { lines: readonly LogLine[]; problem: unknown } {
  const { api } = useVisit();
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [problem, setProblem] = useState<unknown>();
  const kept = useRef<{ level: Level; lines: readonly LogLine[] }>({ level, lines: [] });

  useEffect(() => {
    if (paused) return undefined;
    const controller = new AbortController();
    const { signal } = controller;
    if (kept.current.level !== level) kept.current = { level, lines: [] };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const poll = async (): Promise<void> => {
      try {
        if (document.visibilityState === 'visible') {
          const after = kept.current.lines.at(-1)?.seq ?? 0;
          const came = await api<{ lines: LogLine[] }>(`/api/logs?after=${after}&level=${level}`, { signal });
          kept.current.lines = withNewLines(kept.current.lines, came.lines);
          setLines(kept.current.lines);
        }
        setProblem(undefined);
      } catch (error) {
        if (isAbort(error)) return;
        setProblem(error);
      }
      timer = setTimeout(() => void poll(), pollMs);
    };
    void poll();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [api, level, paused]);
  return { lines, problem };
}

function Lines({ lines, follow }: { lines: readonly LogLine[]; follow: boolean }): JSX.Element {
  const t = useConsoleText();
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (follow && end.current !== null) end.current.scrollTop = end.current.scrollHeight;
  }, [lines, follow]);
  // Not live for screen readers: it would never stop talking. It can be entered and read like any text.
  return (
    <div class="log" ref={end} role="log" aria-live="off" aria-label={t.logs.label} tabIndex={0}>
      {lines.length === 0 && <p class="soft">{t.logs.none}</p>}
      {lines.map(({ seq, time, level, part, message }) => (
        <p key={seq} class={level} lang="en">
          <time dateTime={new Date(time).toISOString()}>{logTime(time)}</time>{' '}
          <span class="level">{level}</span> <strong>{part}</strong> {message}
        </p>
      ))}
    </div>
  );
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}
