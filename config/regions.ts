/**
 * The region catalog: facts about AWS regions that the template needs before it may ask an account.
 *
 * Coordinates are those of the metropolitan area AWS names for the region, in degrees; they only order
 * regions by distance. Zone ids marked `verified: false` are from memory: `npx meridian bootstrap` compares
 * them with the account before the first deploy.
 */

/** Continent codes of Route 53 geolocation records (Route 53 API reference, GeoLocation). */
export const continents = ['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'] as const;
export type Continent = (typeof continents)[number];

/** A point on the globe, in degrees. */
export interface Coordinates {
  readonly latitude: number;
  readonly longitude: number;
}

/** What is known of one AWS region. */
export interface RegionFacts extends Coordinates {
  /** The city AWS names, for people. */
  readonly city: string;
  readonly continent: Continent;
  /** Three availability-zone ids, the same zones for every account (zone names are shuffled per account). */
  readonly zoneIds: readonly [string, string, string];
  /** False when the ids are from memory and nobody has compared them with an account. */
  readonly zoneIdsVerified: boolean;
  /** Fargate and Aurora prices relative to us-east-1. */
  readonly priceFactor: number;
  /** Whether Amazon Rekognition DetectLabels is offered there. */
  readonly rekognition: boolean;
  /** Whether an account must enable the region before use. */
  readonly optIn?: true;
}

export const regionCatalog: Readonly<Record<string, RegionFacts>> = {
  'us-east-1': {
    city: 'N. Virginia',
    continent: 'NA',
    latitude: 38.95,
    longitude: -77.45,
    // use1-az3 lacks current instance types and CloudFront VPC origins.
    zoneIds: ['use1-az1', 'use1-az2', 'use1-az4'],
    zoneIdsVerified: true,
    priceFactor: 1,
    rekognition: true,
  },
  'us-east-2': {
    city: 'Ohio',
    continent: 'NA',
    latitude: 39.96,
    longitude: -83,
    zoneIds: ['use2-az1', 'use2-az2', 'use2-az3'],
    zoneIdsVerified: false,
    priceFactor: 1,
    rekognition: true,
  },
  'us-west-2': {
    city: 'Oregon',
    continent: 'NA',
    latitude: 45.84,
    longitude: -119.7,
    zoneIds: ['usw2-az1', 'usw2-az2', 'usw2-az3'],
    zoneIdsVerified: false,
    priceFactor: 1,
    rekognition: true,
  },
  'ca-central-1': {
    city: 'Montreal',
    continent: 'NA',
    latitude: 45.5,
    longitude: -73.57,
    zoneIds: ['cac1-az1', 'cac1-az2', 'cac1-az4'],
    zoneIdsVerified: false,
    priceFactor: 1.1,
    rekognition: true,
  },
  'sa-east-1': {
    city: 'São Paulo',
    continent: 'SA',
    latitude: -23.55,
    longitude: -46.63,
    zoneIds: ['sae1-az1', 'sae1-az2', 'sae1-az3'],
    zoneIdsVerified: false,
    priceFactor: 1.6,
    rekognition: false,
  },
  'eu-west-1': {
    city: 'Dublin',
    continent: 'EU',
    latitude: 53.35,
    longitude: -6.26,
    zoneIds: ['euw1-az1', 'euw1-az2', 'euw1-az3'],
    zoneIdsVerified: false,
    priceFactor: 1.15,
    rekognition: true,
  },
  'eu-west-2': {
    city: 'London',
    continent: 'EU',
    latitude: 51.51,
    longitude: -0.13,
    zoneIds: ['euw2-az1', 'euw2-az2', 'euw2-az3'],
    zoneIdsVerified: false,
    priceFactor: 1.17,
    rekognition: true,
  },
  'eu-central-1': {
    city: 'Frankfurt',
    continent: 'EU',
    latitude: 50.11,
    longitude: 8.68,
    zoneIds: ['euc1-az1', 'euc1-az2', 'euc1-az3'],
    zoneIdsVerified: false,
    priceFactor: 1.18,
    rekognition: true,
  },
  'eu-north-1': {
    city: 'Stockholm',
    continent: 'EU',
    latitude: 59.33,
    longitude: 18.07,
    zoneIds: ['eun1-az1', 'eun1-az2', 'eun1-az3'],
    zoneIdsVerified: false,
    priceFactor: 1.05,
    rekognition: false,
  },
  'ap-south-1': {
    city: 'Mumbai',
    continent: 'AS',
    latitude: 19.08,
    longitude: 72.88,
    zoneIds: ['aps1-az1', 'aps1-az2', 'aps1-az3'],
    zoneIdsVerified: false,
    priceFactor: 1.1,
    rekognition: true,
  },
  'ap-southeast-1': {
    city: 'Singapore',
    continent: 'AS',
    latitude: 1.35,
    longitude: 103.82,
    zoneIds: ['apse1-az1', 'apse1-az2', 'apse1-az3'],
    zoneIdsVerified: false,
    priceFactor: 1.25,
    rekognition: true,
  },
  'ap-southeast-2': {
    city: 'Sydney',
    continent: 'OC',
    latitude: -33.87,
    longitude: 151.21,
    zoneIds: ['apse2-az1', 'apse2-az2', 'apse2-az3'],
    zoneIdsVerified: false,
    priceFactor: 1.25,
    rekognition: true,
  },
  'ap-northeast-1': {
    city: 'Tokyo',
    continent: 'AS',
    latitude: 35.68,
    longitude: 139.69,
    zoneIds: ['apne1-az1', 'apne1-az2', 'apne1-az4'],
    zoneIdsVerified: false,
    priceFactor: 1.25,
    rekognition: true,
  },
  'ap-northeast-2': {
    city: 'Seoul',
    continent: 'AS',
    latitude: 37.57,
    longitude: 126.98,
    zoneIds: ['apne2-az1', 'apne2-az2', 'apne2-az3'],
    zoneIdsVerified: false,
    priceFactor: 1.25,
    rekognition: true,
  },
  'af-south-1': {
    city: 'Cape Town',
    continent: 'AF',
    latitude: -33.92,
    longitude: 18.42,
    zoneIds: ['afs1-az1', 'afs1-az2', 'afs1-az3'],
    zoneIdsVerified: false,
    priceFactor: 1.3,
    rekognition: false,
    optIn: true,
  },
};

/** Facts of a region that validation has already found in the catalog; throws for any other name. */
export function regionFacts(region: string): RegionFacts {
  const facts = regionCatalog[region];
  if (!facts) {
    throw new Error(
      `unknown region '${region}', expected one of: ${Object.keys(regionCatalog).join(', ')}; add it to config/regions.ts`,
    );
  }
  return facts;
}
