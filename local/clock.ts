/**
 * The run's clock: divides every time that the platform takes from a template (health checks, TTLs, cooldowns,
 * deregistration, visibility, function timeouts). Running code's own timers are never touched.
 */
export class Clock {
  readonly scale: number;

  /** @param scale how many times faster than the template says; 1 is real time. */
  constructor(scale = 1) {
    if (!(scale > 0 && Number.isFinite(scale))) {
      throw new Error(`got time scale ${scale}, expected a number above 0, as 10 for ten times faster`);
    }
    this.scale = scale;
  }

  /** A template's seconds as milliseconds on this machine. */
  ms(seconds: number): number {
    return (seconds * 1000) / this.scale;
  }

  /** A template's seconds as whole seconds, at least one: what SQS takes. */
  wholeSeconds(seconds: number): number {
    return seconds === 0 ? 0 : Math.max(1, Math.round(seconds / this.scale));
  }
}
