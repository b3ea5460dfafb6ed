import { expect } from 'chai';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { AuditPublicKey } from '../../../lib/audit/tree/AuditPublicKey.js';
import { checkpointText, readCheckpoint, signCheckpoint, writerOf } from '../../../lib/audit/tree/checkpoint.js';
import { findAuditKey, makeAuditKey } from '../../../lib/audit/tree/findAuditKey.js';
import { EMPTY_ROOT, leafHash } from '../../../lib/audit/tree/leafHash.js';
import { isSignedBy, readNote, signNote, splitNotes } from '../../../lib/audit/tree/signedNote.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';

/** The vector of golang.org/x/mod/sumdb/note. */
const NAME = 'PeterNeumann';
const VERIFIER_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const SEED = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1);
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const NOTE = `${TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;
/** An ed25519 private key as PKCS#8 is 16 bytes and its seed. */
const PKCS8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), SEED]);

/** Verifier keys of other implementations: of C2SP, of Go, of transparency-dev. */
const VERIFIER_KEYS = [
  VERIFIER_KEY,
  'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
  'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop',
  'TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6',
];

describe('Signed notes', () => {
  const key = AuditKey.read(PKCS8.toString('base64'));

  it('are those of the vector of Go, made and verified', () => {
    expect(signNote(TEXT, NAME, [key])).to.equal(NOTE);
    const note = readNote(NOTE);
    expect(note?.text).to.equal(TEXT);
    expect(note && isSignedBy(note, NAME, AuditPublicKey.read(VERIFIER_KEY))).to.equal(true);
    expect(key.publicKey.verifierKey(NAME)).to.equal(VERIFIER_KEY);
  });

  for (const text of VERIFIER_KEYS)
    it(`know the key of ${text.split('+')[0] ?? ''} by its id`, () => {
      const [name = '', id] = text.split('+');
      const read = AuditPublicKey.read(text);
      expect(read.keyId(name).toString('hex')).to.equal(id);
      expect(read.verifierKey(name)).to.equal(text);
    });

  it('read the examples of C2SP, whose keys are not known', () => {
    const checkpoint =
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n';
    const note = readNote(checkpoint);
    expect(note?.signatures).to.have.length(1);
    expect(readCheckpoint(note?.text ?? '')).to.deep.equal({
      origin: 'example.com/behind-the-sofa',
      size: 20_852_163,
      root: 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=',
      others: [],
    });
    const poem =
      'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n';
    expect(readNote(poem)?.text).to.contain('\n\ned è subito sera.\n');
    expect(note && isSignedBy(note, 'example.com/behind-the-sofa', key.publicKey)).to.equal(false);
  });

  it('are not valid after any change of one bit', () => {
    const bytes = Buffer.from(NOTE);
    let wrong = 0;
    for (let i = 0; i < bytes.length * 8; i++) {
      const other = Buffer.from(bytes);
      other[i >> 3] = (other[i >> 3] as number) ^ (1 << (i & 7));
      const note = readNote(other.toString());
      if (note !== undefined && isSignedBy(note, NAME, key.publicKey)) wrong += 1;
    }
    expect(wrong).to.equal(0);
  });

  it('may be signed by more keys, known or not; a false signature of a known one makes them invalid', () => {
    const other = AuditKey.generate();
    const both = readNote(signNote(TEXT, NAME, [key, other]));
    expect(both && [key, other].map(({ publicKey }) => isSignedBy(both, NAME, publicKey))).to.deep.equal([true, true]);
    const line = `— ${NAME} ${Buffer.concat([key.publicKey.keyId(NAME), other.sign(TEXT)]).toString('base64')}\n`;
    const forged = readNote(NOTE + line);
    expect(forged?.signatures).to.have.length(2);
    expect(forged && isSignedBy(forged, NAME, key.publicKey)).to.equal(false);
  });

  const [, signature = ''] = NOTE.split('\n\n');
  for (const [what, note] of [
    ['no signature', TEXT],
    ['no signature after the empty line', `${TEXT}\n`],
    ['no line end at its end', NOTE.slice(0, -1)],
    ['no empty line', TEXT + signature],
    ['a signature with a hyphen', `${TEXT}\n${signature.replace('—', '-')}`],
    ['a name with a plus', `${TEXT}\n${signature.replace(NAME, 'Peter+Neumann')}`],
    ['a name with a space', `${TEXT}\n${signature.replace(NAME, 'Peter\u2003Neumann')}`],
    ['a signature without bytes', `${TEXT}\n— ${NAME} x08gow==\n`],
    ['base64 in another writing', `${TEXT}\n${signature.replace('nAM=', 'nAN=')}`],
    ['a line after the signatures', `${NOTE}more\n`],
    ['a control character', `a\tb\n${NOTE}`],
    ['a lone surrogate', `\ud800\n${NOTE}`],
    ['101 signatures', NOTE + signature.repeat(100)],
  ] as const)
    it(`are not read with ${what}`, () => expect(readNote(note)).to.equal(undefined));

  it('are taken out of a file that has several, however they are separated', () => {
    const notes = [NOTE, signNote('a\n\nb\n', NAME, [key, AuditKey.generate()]), NOTE];
    for (const between of ['', '\n', '\n\n\n']) {
      expect(splitNotes(notes.join(between))).to.deep.equal(notes);
      expect(splitNotes(`\n${notes.join(between)}\n\n`.replaceAll('\n', '\r\n'))).to.deep.equal(notes);
    }
    expect(splitNotes('')).to.deep.equal([]);
    expect(splitNotes('not a note\n\n')).to.deep.equal(['not a note\n']);
  });
});

describe('Checkpoints', () => {
  const root = EMPTY_ROOT.toString('base64');
  const others = [{ writer: 'w1', size: 7, root: leafHash('a').toString('base64') }];

  it('say how far the others had come, under the signature', () => {
    const key = AuditKey.generate();
    const checkpoint = { origin: 'acme.example/pay/w0', size: 12, root, others };
    const note = readNote(signCheckpoint(checkpoint, [key]));
    expect(note?.text).to.equal(`acme.example/pay/w0\n12\n${root}\nother w1 7 ${others[0]?.root ?? ''}\n`);
    expect(readCheckpoint(note?.text ?? '')).to.deep.equal(checkpoint);
    expect(note && isSignedBy(note, 'acme.example/pay/w0', key.publicKey)).to.equal(true);
    expect(writerOf('acme.example/pay/w0')).to.equal('w0');
    expect(writerOf('w0')).to.equal('w0');
  });

  it('pass over lines that they do not know', () => {
    expect(readCheckpoint(`${checkpointText({ origin: 'o', size: 0, root })}future x\n`)).to.deep.equal({
      origin: 'o',
      size: 0,
      root,
      others: [],
    });
  });

  for (const [what, text] of [
    ['no origin', `\n1\n${root}\n`],
    ['a size with a zero in front', `o\n01\n${root}\n`],
    ['a negative size', `o\n-1\n${root}\n`],
    ['a size that is not exact', `o\n9007199254740993\n${root}\n`],
    ['a size that is not a number', `o\nall\n${root}\n`],
    ['a root that is too short', 'o\n1\nAAAA\n'],
    ['no root', 'o\n1\n'],
    ['an empty line', `o\n1\n${root}\n\n`],
    ['no line end', `o\n1\n${root}`],
    ['another log without a name', `o\n1\n${root}\nother  7 ${root}\n`],
    ['another log without a size', `o\n1\n${root}\nother w1 x ${root}\n`],
    ['another log without a root', `o\n1\n${root}\nother w1 7\n`],
    ['another log with more', `o\n1\n${root}\nother w1 7 ${root} x\n`],
  ] as const)
    it(`are not read with ${what}`, () => expect(readCheckpoint(text)).to.equal(undefined));
});

describe('The key of an audit log', () => {
  const pem = createPrivateKey({ key: PKCS8, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }).toString();
  const expected = AuditPublicKey.read(VERIFIER_KEY).toString();

  it('is read from PEM, from one line of base64, and from PEM in one line', () => {
    for (const text of [pem, ` ${pem}\n`, PKCS8.toString('base64'), pem.replaceAll('\n', '\\n')])
      expect(AuditKey.read(text).publicKey.toString()).to.equal(expected);
    expect(AuditKey.read(pem).toPem()).to.equal(pem);
  });

  it('shows itself nowhere', () => {
    const key = AuditKey.read(pem);
    for (const text of [inspect(key, { depth: 9 }), JSON.stringify(key)]) {
      expect(text).to.not.contain(SEED.toString('base64').slice(0, 8));
      expect(text).to.not.contain('PRIVATE');
    }
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
  for (const [what, text] of [
    ['nothing', ''],
    ['noise', 'c2VjcmV0LWNhbmFyeQ=='],
    ['PEM that is broken', pem.replace('MC4C', 'MC5C')],
    ['a key of another kind', rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()],
    ['a public key', rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()],
  ] as const)
    it(`is not read from ${what}, and the error says how to make one, without a word of the text`, () => {
      expect(() => AuditKey.read(text, 'AEGIS_AUDIT_KEY'))
        .to.throw(ConfigError, /^AEGIS_AUDIT_KEY: .*openssl genpkey/)
        .that.satisfies(({ message }: Error) => text === '' || !message.includes(text.slice(30, 60) || text));
    });

  it('has a public key that is read from base64url, a verifier key and PEM', () => {
    const { publicKey } = AuditKey.read(pem);
    const spki = createPrivateKey(pem);
    for (const text of [expected, ` ${expected}\n`, VERIFIER_KEY, publicPem(spki)])
      expect(AuditPublicKey.read(text).toString()).to.equal(expected);
    expect(publicKey.toString()).to.equal(expected);
    expect(AuditPublicKey.of(spki).toString()).to.equal(expected);
    expect(publicKey.verifies(TEXT, AuditKey.read(pem).sign(TEXT))).to.equal(true);
  });

  for (const [what, text] of [
    ['nothing', ''],
    ['31 bytes', Buffer.alloc(31).toString('base64url')],
    ['base64 with padding', `${expected}=`],
    ['a verifier key of another name', VERIFIER_KEY.replace(NAME, 'EnochRoot')],
    ['a verifier key of another id', VERIFIER_KEY.replace('c74f20a3', 'c74f20a4')],
    ['a verifier key of another kind', 'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2'],
    ['a verifier key without a name', VERIFIER_KEY.replace(NAME, '')],
    ['a private key', pem],
    ['PEM of another kind', rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()],
    ['PEM that is broken', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'],
  ] as const)
    it(`has no public key that is read from ${what}`, () => {
      expect(() => AuditPublicKey.read(text, '--key')).to.throw(ConfigError, /^--key: The public key of an audit log cannot be read/);
    });

  describe('is found', () => {
    let folder: string;
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-audit-key-'))));
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    it('in the environment before the file', () => {
      const file = join(folder, 'audit.key');
      writeFileSync(file, AuditKey.generate().toPem(), { mode: 0o600 });
      const found = findAuditKey({ env: { AEGIS_AUDIT_KEY: PKCS8.toString('base64') }, file });
      expect(found?.key.publicKey.toString()).to.equal(expected);
      expect(found).to.include({ file: undefined, isExposed: false });
      const named = join(folder, 'named.key');
      writeFileSync(named, pem, { mode: 0o600 });
      expect(findAuditKey({ env: { AEGIS_AUDIT_KEY_FILE: named }, file })).to.include({ file: named, isExposed: false });
      expect(findAuditKey({ env: { AEGIS_AUDIT_KEY: '' }, file })).to.include({ file });
    });

    it('nowhere where there is none', () => {
      expect(findAuditKey({ env: {} })).to.equal(undefined);
      expect(findAuditKey({ env: {}, file: join(folder, 'audit.key') })).to.equal(undefined);
    });

    it('not where two name it, or its file cannot be read', () => {
      expect(() => findAuditKey({ env: { AEGIS_AUDIT_KEY: 'a', AEGIS_AUDIT_KEY_FILE: 'b' } })).to.throw(ConfigError, 'Unset one of them');
      expect(() => findAuditKey({ env: { AEGIS_AUDIT_KEY_FILE: join(folder, 'none') } })).to.throw(
        ConfigError,
        "AEGIS_AUDIT_KEY_FILE: The file of the audit log's key cannot be read (ENOENT).",
      );
    });

    it('in the file that it was made in, once', () => {
      const file = join(folder, 'keys', 'audit.key');
      const made = makeAuditKey(file);
      expect(made).to.include({ file, isExposed: false });
      expect(statSync(file).mode & 0o777).to.equal(process.platform === 'win32' ? 0o666 : 0o600);
      expect(makeAuditKey(file).key.publicKey.toString()).to.equal(made.key.publicKey.toString());
      expect(readFileSync(file, 'utf8')).to.equal(made.key.toPem());
      writeFileSync(join(folder, 'open.key'), made.key.toPem(), { mode: 0o644 });
      expect(findAuditKey({ env: {}, file: join(folder, 'open.key') })?.isExposed).to.equal(process.platform !== 'win32');
    });

    it('not made where it cannot be written', () => {
      writeFileSync(join(folder, 'file'), '');
      expect(() => makeAuditKey(join(folder, 'file', 'audit.key'))).to.throw(ConfigError, /cannot be written \(E/);
      mkdirSync(join(folder, 'folder'));
      expect(() => makeAuditKey(join(folder, 'folder'))).to.throw(ConfigError, /cannot be read \(EISDIR\)/);
    });
  });
});

function publicPem(key: ReturnType<typeof createPrivateKey>): string {
  const { x = '' } = key.export({ format: 'jwk' });
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(x, 'base64url')]);
  return `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
}
