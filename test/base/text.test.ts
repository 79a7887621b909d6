import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOfCharacters, decodeText, isKnownEncoding } from '../../src/base/text.ts';

const gbk = Buffer.from([0xc3, 0xa8, 0x81, 0x5c]); // 猫乗, whose second character ends in a backslash byte

describe('decodeText', () => {
  test('decodes all of Unicode, without a byte order mark', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const plain = text.replace(/^\ufeff/, '');
        expect(decodeText(Buffer.from(plain), 'file')).toBe(plain);
        expect(decodeText(Buffer.from(`\ufeff${plain}`), 'file')).toBe(plain);
      }),
    );
  });

  test('names the file, the first invalid byte and the likely encoding', () => {
    const inLatin1 = Buffer.from('{"name": "Möwe", "a": "é"}', 'latin1');
    const wrong = (bytes: Uint8Array, encoding?: string, offset?: number) => () => decodeText(bytes, 'a.json', encoding, offset);
    expect(wrong(inLatin1)).toThrow('a.json: byte 11 (0xF6) is not UTF-8; it looks like latin1; pass --encoding latin1');
    expect(wrong(inLatin1, 'utf-8', 100)).toThrow('byte 111 (0xF6)');
    expect(wrong(Buffer.from([0xc3, 0xa8, 0xb9, 0xb7]))).toThrow('byte 2 (0xB9) is not UTF-8; it looks like gbk; pass --encoding gbk');
    expect(wrong(Buffer.from('\ufeffcat', 'utf16le'))).toThrow('it looks like utf-16le; convert the file to UTF-8');
    expect(wrong(Buffer.from('cat é').subarray(0, 5))).toThrow('byte 4 (0xC3)');
    expect(wrong(Buffer.from([0x41, 0x81, 0x20]), 'gbk')).toThrow('byte 2 (0x20) is not GBK; it looks like utf-8; pass --encoding utf-8');
  });

  test('decodes other encodings', () => {
    expect(decodeText(Buffer.from('Möwe', 'latin1'), 'file', 'latin1')).toBe('Möwe');
    expect(decodeText(gbk, 'file', 'gbk')).toBe('猫乗');
    // Of some versions of Node, TextDecoder makes control characters of these.
    for (const label of ['latin1', 'windows-1252', 'iso-8859-1'])
      expect(decodeText(Buffer.from([0x80, 0x85, 0x92, 0x9f, 0x41, 0xff]), 'file', label)).toBe('€…’ŸAÿ');
  });
});

test('an encoding is one that TextDecoder knows and that contains ASCII', () => {
  for (const label of ['utf-8', 'UTF8', 'latin1', 'windows-1252', 'gbk', 'shift_jis', 'koi8-r']) expect(isKnownEncoding(label)).toBe(true);
  for (const label of ['', 'utf-16', 'utf-16be', 'klingon']) expect(isKnownEncoding(label)).toBe(false);
});

test('the length of the first characters is counted in each encoding', () => {
  expect(bytesOfCharacters(Buffer.from('aé猫b'), 'aé猫b', 3, 'utf-8')).toBe(6);
  expect(bytesOfCharacters(Buffer.from('aéb', 'latin1'), 'aéb', 2, 'latin1')).toBe(2);
  expect(bytesOfCharacters(gbk, '猫乗', 1, 'gbk')).toBe(2);
});
