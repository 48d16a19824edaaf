/** Metrics, and the sub-metrics by tag that thresholds ask for ("Metrics" in k6's documentation). */

export type MetricType = 'counter' | 'gauge' | 'rate' | 'trend';

/** What values mean: a number, a share, milliseconds or bytes. */
export type Contains = 'default' | 'time' | 'data';

export type Tags = Readonly<Record<string, string>>;

export interface Sample {
  readonly metric: string;
  readonly value: number;
  readonly tags: Tags;
}

/** Name → value of what a metric sums up, as `rate`, `p(95)` or `count`. */
export type Values = Readonly<Record<string, number>>;

export interface Metric {
  readonly name: string;
  readonly type: MetricType;
  readonly contains: Contains;
  /** Tags that a sub-metric's samples have; empty for a whole metric. */
  readonly filter: Tags;
  /** Samples seen; 0 means that nothing here has a meaning. */
  readonly samples: number;
  /**
   * One aggregate.
   * @param seconds that the run has lasted
   * @throws Error for an aggregate that this type does not have
   */
  read(aggregate: string, seconds: number): number;
  /** The aggregates that a summary shows. */
  values(trendStats: readonly string[], seconds: number): Values;
}

/** Metrics that k6 has by itself. */
const builtIn: readonly (readonly [name: string, type: MetricType, contains: Contains])[] = [
  ['checks', 'rate', 'default'],
  ['data_received', 'counter', 'data'],
  ['data_sent', 'counter', 'data'],
  ['dropped_iterations', 'counter', 'default'],
  ['group_duration', 'trend', 'time'],
  ['http_req_blocked', 'trend', 'time'],
  ['http_req_connecting', 'trend', 'time'],
  ['http_req_duration', 'trend', 'time'],
  ['http_req_failed', 'rate', 'default'],
  ['http_req_receiving', 'trend', 'time'],
  ['http_req_sending', 'trend', 'time'],
  ['http_req_tls_handshaking', 'trend', 'time'],
  ['http_req_waiting', 'trend', 'time'],
  ['http_reqs', 'counter', 'default'],
  ['iteration_duration', 'trend', 'time'],
  ['iterations', 'counter', 'default'],
  ['vus', 'gauge', 'default'],
  ['vus_max', 'gauge', 'default'],
];

class Accumulator implements Metric {
  readonly name: string;
  readonly type: MetricType;
  readonly contains: Contains;
  readonly filter: Tags;
  samples = 0;
  #sum = 0;
  #nonZero = 0;
  #last = 0;
  #least = Number.POSITIVE_INFINITY;
  #most = Number.NEGATIVE_INFINITY;
  #values: number[] = [];
  #sorted = true;

  constructor(name: string, type: MetricType, contains: Contains, filter: Tags = {}) {
    this.name = name;
    this.type = type;
    this.contains = contains;
    this.filter = filter;
  }

  takes(tags: Tags): boolean {
    return Object.entries(this.filter).every(([tag, value]) => tags[tag] === value);
  }

  add(value: number): void {
    this.samples++;
    this.#sum += value;
    if (value !== 0) this.#nonZero++;
    this.#last = value;
    this.#least = Math.min(this.#least, value);
    this.#most = Math.max(this.#most, value);
    if (this.type === 'trend') {
      this.#values.push(value);
      this.#sorted = false;
    }
  }

  read(aggregate: string, seconds: number): number {
    switch (`${this.type} ${aggregate}`) {
      case 'counter count':
        return this.#sum;
      case 'counter rate':
        return seconds > 0 ? this.#sum / seconds : 0;
      case 'gauge value':
        return this.#last;
      case 'gauge min':
      case 'trend min':
        return this.samples > 0 ? this.#least : 0;
      case 'gauge max':
      case 'trend max':
        return this.samples > 0 ? this.#most : 0;
      case 'rate rate':
        return this.samples > 0 ? this.#nonZero / this.samples : 0;
      case 'rate passes':
        return this.#nonZero;
      case 'rate fails':
        return this.samples - this.#nonZero;
      case 'trend avg':
        return this.samples > 0 ? this.#sum / this.samples : 0;
      case 'trend med':
        return this.#percentile(50);
      case 'trend count':
        return this.samples;
    }
    const percent = /^p\((\d+(?:\.\d+)?)\)$/.exec(aggregate)?.[1];
    if (this.type !== 'trend' || percent === undefined || Number(percent) > 100) {
      throw new Error(`a ${this.type} has no '${aggregate}'`);
    }
    return this.#percentile(Number(percent));
  }

  values(trendStats: readonly string[], seconds: number): Values {
    const shown: Readonly<Record<MetricType, readonly string[]>> = {
      counter: ['count', 'rate'],
      gauge: ['value', 'min', 'max'],
      rate: ['rate', 'passes', 'fails'],
      trend: trendStats,
    };
    return Object.fromEntries(shown[this.type].map((each) => [each, this.read(each, seconds)]));
  }

  /** Linear between the two nearest ranks. */
  #percentile(percent: number): number {
    if (this.samples === 0) return 0;
    if (!this.#sorted) {
      this.#values.sort((a, b) => a - b);
      this.#sorted = true;
    }
    const rank = (percent / 100) * (this.#values.length - 1);
    const below = this.#values[Math.floor(rank)]!;
    return below + (this.#values[Math.ceil(rank)]! - below) * (rank - Math.floor(rank));
  }
}

/** All metrics of a run. */
export class Metrics {
  readonly #metrics = new Map<string, Accumulator>();
  readonly #parts = new Map<string, Accumulator[]>();

  constructor() {
    for (const [name, type, contains] of builtIn) this.define(name, type, contains);
  }

  /**
   * Makes a custom metric known; every VU does so.
   * @throws Error when the name means another type already
   */
  define(name: string, type: MetricType, contains: Contains): void {
    const known = this.#metrics.get(name);
    if (!known) {
      this.#metrics.set(name, new Accumulator(name, type, contains));
    } else if (known.type !== type || known.contains !== contains) {
      throw new Error(`metric '${name}' is a ${known.type} already, and cannot be a ${type}`);
    }
  }

  /**
   * The metric of a threshold's key: `name`, or `name{tag:value,…}`.
   * @throws Error when there is no metric of that name
   */
  watch(key: string): Metric {
    const [, name, filter] = /^([^{}]+?)(?:\{(.*)\})?$/.exec(key) ?? [];
    const whole = name === undefined ? undefined : this.#metrics.get(name);
    if (!whole) throw new Error(`no metric '${name ?? key}' found`);
    if (filter === undefined) return whole;
    const known = this.#metrics.get(key);
    if (known) return known;
    const part = new Accumulator(key, whole.type, whole.contains, parseFilter(filter));
    this.#metrics.set(key, part);
    this.#parts.set(whole.name, [...(this.#parts.get(whole.name) ?? []), part]);
    return part;
  }

  /** @throws Error for a metric that nobody defined */
  add({ metric, value, tags }: Sample): void {
    const whole = this.#metrics.get(metric);
    if (!whole) throw new Error(`no metric '${metric}' found`);
    whole.add(value);
    for (const part of this.#parts.get(metric) ?? []) {
      if (part.takes(tags)) part.add(value);
    }
  }

  /** Those that have a sample, and sub-metrics, by name. */
  list(): readonly Metric[] {
    return [...this.#metrics.values()]
      .filter((metric) => metric.samples > 0 || metric.name.includes('{'))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

function parseFilter(text: string): Tags {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const at = pair.indexOf(':');
      if (at < 1) throw new Error(`got tag '${pair}', expected tag:value`);
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}
