import fc from 'fast-check';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { plainHeader } from '../../src/codecs/plain-headers.ts';

const strict = { failOn: 'warning', ignoreIcc: true, limitInputPixels: 64 * 2 ** 20 } as const;

/** Header as sharp reads it; `undefined` if it cannot, or if something beside size and channels matters. */
async function headerOf(bytes: Uint8Array) {
  const found = await sharp(bytes, strict)
    .metadata()
    .catch(() => undefined);
  if (!found || found.hasProfile || (found.orientation ?? 1) > 1 || found.depth !== 'uchar') return undefined;
  return { width: found.width, height: found.height, channels: found.channels };
}

type Arbitrary<A> = A extends fc.Arbitrary<infer T> ? T : never;

const image = fc.record({
  width: fc.integer({ min: 1, max: 40 }),
  height: fc.integer({ min: 1, max: 40 }),
  channels: fc.constantFrom(1, 2, 3, 4),
  format: fc.constantFrom('png', 'jpeg'),
  palette: fc.boolean(),
  progressive: fc.boolean(),
  mozjpeg: fc.boolean(),
  chromaSubsampling: fc.constantFrom('4:2:0', '4:4:4'),
  profile: fc.boolean(),
  orientation: fc.constantFrom(undefined, undefined, 6),
});

async function fileOf({ width, height, channels, format, profile, orientation, palette, ...options }: Arbitrary<typeof image>) {
  const raw = { width, height, channels: channels as 1 | 2 | 3 | 4 };
  const made = sharp(Buffer.alloc(width * height * channels, 90), { raw });
  if (channels < 3) made.toColourspace('b-w');
  if (profile) made.withIccProfile('srgb');
  if (orientation !== undefined) made.withMetadata({ orientation });
  return format === 'png' ? made.png({ palette, progressive: options.progressive }).toBuffer() : made.jpeg(options).toBuffer();
}

test('a header that is read without sharp is the one that sharp reads', async () => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(image, async (one) => {
      const bytes = await fileOf(one);
      const header = plainHeader(bytes);
      if (header) expect(header).toEqual(await headerOf(bytes));
      if (header) read++;
      if (one.profile || one.orientation !== undefined) expect(header).toBeUndefined();
    }),
    { numRuns: 100 },
  );
  expect(read).toBeGreaterThan(10);
});

test('a header that sharp refuses, or reads otherwise after damage, is left to it', async () => {
  const damage = fc.tuple(fc.nat(700), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(image, fc.array(damage, { minLength: 1, maxLength: 2 }), fc.option(fc.nat(800)), async (one, changes, length) => {
      const bytes = Uint8Array.from(await fileOf(one));
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      const cut = bytes.subarray(0, length ?? bytes.length);
      const header = plainHeader(cut);
      if (header) expect(header).toEqual(await headerOf(cut));
    }),
    { numRuns: 200 * Number(process.env.FUZZ ?? 1) },
  );
});

test('a PNG with a second IHDR is left to sharp', async () => {
  const bytes = await sharp({ create: { width: 5, height: 4, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  expect(plainHeader(bytes)).toMatchObject({ width: 5, height: 4 });
  const header = bytes.subarray(8, 33);
  expect(plainHeader(Buffer.concat([bytes.subarray(0, 33), header, bytes.subarray(33)]))).toBeUndefined();
});
