// A chart of lines over time: the mean sentiment of some things, from -1 to 1. Points are reached with the pointer or
// with the arrow keys, and all that it shows stands in a table as well.
import { useEffect, useRef, useState } from "preact/hooks";
import { sentiment } from "./names";

export interface Line {
  readonly name: string;
  /** One for each period; null where nothing was scored. */
  readonly values: readonly (number | null)[];
}

interface Props {
  readonly title: string;
  readonly periods: readonly string[];
  readonly lines: readonly Line[];
}

const HEIGHT = 280;
const LEFT = 40;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 26;
const LABEL = 64;

export function Lines({ title, periods, lines }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [at, setAt] = useState<number>();
  const last = periods.length - 1;
  const { least, most, ticks } = scale(lines);
  const x = (i: number) => LEFT + (last > 0 ? i / last : 0.5) * (width - LEFT - RIGHT);
  const y = (value: number) => TOP + ((most - value) / (most - least)) * (HEIGHT - TOP - BOTTOM);
  const every = Math.max(1, Math.ceil((periods.length * LABEL) / (width - LEFT - RIGHT)));
  const shown = at === undefined ? undefined : Math.min(at, last);

  const point = (event: PointerEvent) => {
    const { left } = (event.currentTarget as Element).getBoundingClientRect();
    const place = last > 0 ? ((event.clientX - left - LEFT) / (width - LEFT - RIGHT)) * last : 0;
    setAt(Math.max(0, Math.min(last, Math.round(place))));
  };
  const step = (event: KeyboardEvent) => {
    const to = { ArrowLeft: (shown ?? last + 1) - 1, ArrowRight: (shown ?? last - 1) + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(last, to)));
  };

  return (
    <div class="chart" ref={box}>
      <ul class="legend">
        {lines.map(({ name, values }, i) => (
          <li key={name} class={`line-${i}`}>
            <svg viewBox="0 0 24 10" aria-hidden="true">
              <path d="M1 5H23" />
            </svg>
            <bdi>{name}</bdi> <strong>{sentiment(values[shown ?? last] ?? null)}</strong>
          </li>
        ))}
      </ul>
      <p class="period" aria-live="polite">
        {shown === undefined ? `Last: ${periods[last] ?? "–"}` : periods[shown]}
        {shown !== undefined && <span class="hidden">: {lines.map(({ name, values }) => `${name} ${sentiment(values[shown] ?? null)}`).join(", ")}</span>}
      </p>
      <svg
        class="lines"
        width={width}
        height={HEIGHT}
        role="img"
        tabIndex={0}
        aria-label={`${title}. Use the arrow keys to read values.`}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => setAt(undefined)}
        onBlur={() => setAt(undefined)}
        onKeyDown={step}
      >
        {ticks.map((tick) => (
          <g key={tick} class={tick === 0 ? "tick zero" : "tick"}>
            <line x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 6} y={y(tick) + 4} text-anchor="end">
              {tick < 0 ? `−${(-tick).toFixed(1)}` : tick.toFixed(1)}
            </text>
          </g>
        ))}
        {periods.map((period, i) =>
          (last - i) % every === 0 ? (
            <text key={period} class="label" x={x(i)} y={HEIGHT - 6} text-anchor={last > 0 && i === last ? "end" : last > 0 && i === 0 ? "start" : "middle"}>
              {period}
            </text>
          ) : null,
        )}
        {shown !== undefined && <line class="guide" x1={x(shown)} x2={x(shown)} y1={TOP} y2={HEIGHT - BOTTOM} />}
        {lines.map(({ name, values }, i) => (
          <g key={name} class={`series line-${i}`}>
            <path d={path(values, x, y)} />
            {values.map((value, k) =>
              value !== null && (k === shown || isAlone(values, k)) ? <circle key={k} cx={x(k)} cy={y(value)} r="3.5" /> : null,
            )}
          </g>
        ))}
      </svg>
      <details>
        <summary>As a table</summary>
        <div class="scroll">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">Time</th>
                {lines.map(({ name }) => (
                  <th key={name} scope="col">
                    <bdi>{name}</bdi>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {periods.map((period, i) => (
                <tr key={period}>
                  <th scope="row">{period}</th>
                  {lines.map(({ name, values }) => (
                    <td key={name}>{sentiment(values[i] ?? null)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </div>
  );
}

/** A line through neighbouring values; it is broken where there is none. */
function path(values: readonly (number | null)[], x: (i: number) => number, y: (value: number) => number): string {
  return values
    .map((value, i) => (value === null ? "" : `${i > 0 && values[i - 1] !== null ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`))
    .join("");
}

function isAlone(values: readonly (number | null)[], i: number): boolean {
  return (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null;
}

/** The part of -1 to 1 that the values need, in steps that people read. */
function scale(lines: readonly Line[]): { least: number; most: number; ticks: number[] } {
  const known = lines.flatMap(({ values }) => values.filter((value) => value !== null));
  const [low, high] = known.length ? [Math.min(...known, 0), Math.max(...known, 0)] : [-1, 1];
  const step = high - low > 0.8 ? 0.5 : high - low > 0.35 ? 0.2 : 0.1;
  const [first, last] = [Math.floor(low / step - 1e-9), Math.ceil(high / step + 1e-9)];
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step).filter((tick) => Math.abs(tick) <= 1 + 1e-9);
  return { least: ticks[0] ?? -1, most: ticks.at(-1) ?? 1, ticks };
}

function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(640);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(Math.max(240, element.clientWidth)));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return width;
}
