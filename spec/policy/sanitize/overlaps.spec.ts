import { expect } from 'chai';
import { firstConflict } from '../../../lib/policy/sanitize/overlaps.js';
import { parseSanitize } from '../../../lib/policy/sanitize/grammar.js';

describe('sanitize conflicts', () => {
  const conflicting = [
    'set /o {}; set /o/a 1',
    'mask_email /o/a/b; remove /o',
    'set /a 1; set /a 2',
    'set /a 1; set /a "1"',
    'set /a 1; remove /a',
    'set /a "x"; mask_email /a',
    'redact /a x; truncate /a 3',
    'truncate /a 3; truncate /a 4',
  ];
  for (const text of conflicting) it(`finds that of '${text}'`, () => expect(firstConflict(parseSanitize(text))).to.be.a('string'));

  const harmless = [
    'mask_email /a; truncate /a 3',
    'set /a 1; set /a 1',
    'set /o/a 1; set /o/b 2',
    'set /oa 1; set /o 2',
    'remove /l/0; remove /l/1',
  ];
  for (const text of harmless) it(`finds none in '${text}'`, () => expect(firstConflict(parseSanitize(text))).to.equal(undefined));
});
