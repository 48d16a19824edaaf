/** Stands in for a package that a dependency names and that nothing here calls. */
export default function absent(): never {
  throw new Error('this package was left out of the bundle');
}
