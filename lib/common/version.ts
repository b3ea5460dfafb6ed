/** Kept equal to package.json's by a spec. */
export const VERSION: string = '0.1.0';
