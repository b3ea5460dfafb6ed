import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { ATTRIBUTES, METRICS } from '../../lib/adapter/otel/index.js';

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly refId: string; readonly expr: string }[];
}

/** https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/ */
const inPrometheus = (name: string): string => name.replaceAll('.', '_');

/** What Prometheus calls each metric: counters end in `_total`, seconds in `_seconds`, histograms have buckets. */
const SERIES = Object.values(METRICS).flatMap(({ name, unit }) => {
  const base = inPrometheus(name);
  return unit === 's' ? [`${base}_seconds_bucket`, `${base}_seconds_count`, `${base}_seconds_sum`] : [`${base}_total`, base];
});

describe('deploy/grafana/aegis.json', () => {
  const dashboard = JSON.parse(readFileSync('deploy/grafana/aegis.json', 'utf8')) as {
    readonly uid: string;
    readonly panels: readonly Panel[];
  };
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

  it('asks for series that there are, and for every metric', () => {
    const asked = expressions.flatMap((expr) => expr.replaceAll(/by \([^)]*\)/g, '').match(/\baegis_[a-z_]+(?=[[{)])/g) ?? []);
    for (const series of asked) expect(SERIES, series).to.include(series);
    for (const { name } of Object.values(METRICS))
      expect(
        asked.some((series) => series.startsWith(inPrometheus(name))),
        name,
      ).to.equal(true);
  });

  it('uses labels that metrics have', () => {
    const labels = Object.values(ATTRIBUTES).map(inPrometheus);
    const used = expressions.flatMap((expr) => [...expr.matchAll(/by \(([^)]+)\)|\{([a-z_]+)=/g)].map(([, by, where]) => by ?? where));
    expect(used.length).to.be.above(10);
    for (const label of used) expect(['le', ...labels]).to.include(label);
  });

  it('has panels with names and descriptions that do not overlap', () => {
    const cells = new Set<string>();
    for (const { title, description, gridPos, targets } of dashboard.panels) {
      expect(description, title).to.match(/\.$/);
      expect(targets.length, title).to.be.above(0);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x} ${y}`), title).to.equal(false);
          cells.add(`${x} ${y}`);
          expect(x).to.be.below(24);
        }
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).to.equal(dashboard.panels.length);
  });
});
