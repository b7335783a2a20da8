// A line without axes: how a figure went in the last weeks. Its values stand elsewhere, so screen readers pass it by.
const WIDTH = 120;
const HEIGHT = 28;
const PAD = 3;

export function Spark({ values }: { values: readonly (number | null)[] }) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return null;
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const x = (i: number) => PAD + (i / (values.length - 1)) * (WIDTH - 2 * PAD);
  const y = (value: number) => HEIGHT - PAD - ((value - least) / (most - least || 1)) * (HEIGHT - 2 * PAD);
  const points = values.flatMap((value, i) => (value === null ? [] : [[x(i), y(value)] as const]));
  const end = points.at(-1);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points.map((point) => point.join()).join(" ")} />
      {end && <circle cx={end[0]} cy={end[1]} r="2.5" />}
    </svg>
  );
}
