export default {
  testMatch: ['<rootDir>/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': './transform.mjs' },
  testTimeout: 50_000,
};
