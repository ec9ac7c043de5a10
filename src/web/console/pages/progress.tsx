import type { JSX } from 'preact';

/** How far something is; `percent` is `null` while nobody knows. */
export function Progress({ label, percent }: { label: string; percent: number | null }): JSX.Element {
  return (
    <p class="progress">
      <progress aria-label={label} max={100} value={percent ?? undefined} />
      {percent !== null && <span aria-hidden="true">{percent} %</span>}
    </p>
  );
}
