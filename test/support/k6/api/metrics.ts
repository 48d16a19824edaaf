/** The module `k6/metrics`. */

import type { MetricType } from '../metrics.ts';
import { only, vu } from './vu.ts';

abstract class Metric {
  readonly name: string;

  constructor(type: MetricType, name: string, isTime: boolean) {
    if (vu.phase !== 'init') throw new Error('metrics are made while the script is loaded, not in functions');
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
      throw new Error(`got metric name '${name}', expected letters, digits and _`);
    }
    this.name = name;
    vu.say({ kind: 'metric', name, type, contains: isTime ? 'time' : 'default' });
  }

  add(value: number | boolean, tags: Record<string, string> = {}): void {
    const number = Number(value);
    if (!Number.isFinite(number))
      throw new Error(`got ${value} for metric '${this.name}', expected a number`);
    vu.add(this.name, number, tags);
  }
}

export class Counter extends Metric {
  constructor(name: string, isTime = false) {
    super('counter', name, isTime);
  }

  override add(value: number | boolean, tags?: Record<string, string>): void {
    if (Number(value) < 0)
      throw new Error(`got ${value} for counter '${this.name}', expected no negative number`);
    super.add(value, tags);
  }
}

export class Gauge extends Metric {
  constructor(name: string, isTime = false) {
    super('gauge', name, isTime);
  }
}

export class Rate extends Metric {
  constructor(name: string, isTime = false) {
    super('rate', name, isTime);
  }

  override add(value: number | boolean, tags?: Record<string, string>): void {
    super.add(Boolean(value), tags);
  }
}

export class Trend extends Metric {
  constructor(name: string, isTime = false) {
    super('trend', name, isTime);
  }
}

export default only('k6/metrics', { Counter, Gauge, Rate, Trend });
