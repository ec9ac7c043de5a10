import type { JSX } from 'preact';
import { useLoaded } from '../../shared/loading.ts';

/** The library is loaded when somebody uses it: most visits do not. */
const library = async () => import('uqr');

/** Light all around it (ISO/IEC 18004, 9.1), whatever the colours of the page: cameras look for dark on light. */
const quietZone = 4;

/** A picture that a phone reads as `text`. */
export function QrCode({ text, label }: { text: string; label: string }): JSX.Element | null {
  const { value } = useLoaded(async () => (await library()).encode(text, { ecc: 'M', border: quietZone }));
  if (value === undefined) return null;
  const { data, size } = value;
  const path = data
    .flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])))
    .join('');
  return (
    <svg
      class="qr"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${size} ${size}`}
      shape-rendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
