/** Curves as SVG: what a request takes, over sizes that grow tenfold from point to point. */
export interface Curve {
  readonly name: string;
  /** Microseconds, one for each size. */
  readonly values: readonly number[];
}

export interface Panel {
  readonly title: string;
  readonly sizes: readonly number[];
  readonly curves: readonly Curve[];
}

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP] = [340, 260, 52, 34, 56, 20];
const COLOURS = ['#0b6e99', '#b4540a', '#3d7a2e', '#8a3f8f'];

export function picture(panels: readonly Panel[]): string {
  const most = Math.max(...panels.flatMap(({ curves }) => curves.flatMap(({ values }) => values)));
  const top = niceAbove(most);
  const width = panels.length * (WIDTH + GAP);
  const drawn = panels.map((panel, i) => `<g transform="translate(${i * (WIDTH + GAP)} 0)">${draw(panel, top)}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" font-family="sans-serif" font-size="11" fill="#333">
<rect width="${width}" height="${HEIGHT}" fill="#fff"/>
${drawn.join('\n')}
</svg>
`;
}

function draw({ title, sizes, curves }: Panel, top: number): string {
  const [right, floor] = [WIDTH - 12, HEIGHT - BOTTOM];
  const x = (i: number) => LEFT + (i * (right - LEFT)) / Math.max(1, sizes.length - 1);
  const y = (value: number) => floor - (value / top) * (floor - TOP);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const value = top * part;
    return `<line x1="${LEFT}" x2="${right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${Math.round(value)}</text>`;
  });
  const ticks = sizes.map(
    (size, i) => `<text x="${x(i)}" y="${floor + 16}" text-anchor="middle">${size.toLocaleString('en')}</text>`,
  );
  const lines = curves.map(({ values }, i) => {
    const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
    const dots = points.map(
      (point) => `<circle cx="${point.split(',')[0]}" cy="${point.split(',')[1]}" r="2.5" fill="${COLOURS[i]}"/>`,
    );
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${COLOURS[i]}" stroke-width="1.5"/>${dots.join('')}`;
  });
  const legend = curves.map(
    ({ name }, i) =>
      `<text x="${LEFT + (i % 2) * 150}" y="${floor + 34 + Math.floor(i / 2) * 14}" fill="${COLOURS[i]}">${name}</text>`,
  );
  const heading = `<text x="${LEFT}" y="18" font-weight="bold">${title}, µs a request</text>`;
  return [heading, ...grid, ...ticks, ...lines, ...legend].join('');
}

/** 1, 2 or 5 times a power of ten. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((times) => times * power >= value) ?? 10) * power;
}
