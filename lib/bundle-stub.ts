/** Stands in for packages that a dependency names and that nothing here calls. */

export default function unavailable(): never {
  throw new Error('this package was left out of the bundle');
}
