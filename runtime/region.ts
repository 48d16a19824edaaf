/** Name of the region this process runs in: Fargate and Lambda set it. Throws where nothing does. */
export function ownRegion(from: Readonly<Record<string, string | undefined>> = process.env): string {
  const region = from['AWS_REGION'];
  if (!region) throw new Error('AWS_REGION is not set, expected the name of this region, as eu-west-1');
  return region;
}
