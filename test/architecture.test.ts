import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** What files of a room may import besides one another: rooms, and files of the face. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  base: ['errors.ts', 'types.ts'],
  masks: ['base', 'errors.ts', 'types.ts'],
  plan: ['masks', 'errors.ts', 'types.ts'],
  codecs: ['masks', 'base', 'errors.ts', 'types.ts'],
  render: ['codecs', 'masks', 'base', 'errors.ts', 'types.ts', 'version.ts'],
  formats: ['codecs', 'masks', 'base', 'errors.ts', 'types.ts'],
  dataset: ['formats', 'codecs', 'masks', 'base', 'errors.ts', 'types.ts'],
  output: ['dataset', 'formats', 'codecs', 'masks', 'base', 'errors.ts', 'types.ts', 'options.ts', 'schema.ts', 'version.ts'],
  engine: [
    ...['output', 'dataset', 'formats', 'plan', 'render', 'codecs', 'masks', 'base'],
    ...['errors.ts', 'types.ts', 'options.ts', 'schema.ts', 'version.ts'],
  ],
  verbs: [
    ...['engine', 'output', 'dataset', 'formats', 'plan', 'render', 'codecs', 'masks', 'base'],
    ...['errors.ts', 'types.ts', 'options.ts', 'schema.ts', 'version.ts'],
  ],
  cli: [
    ...['verbs', 'engine', 'output', 'dataset', 'formats', 'plan', 'render', 'codecs', 'masks', 'base'],
    ...['errors.ts', 'types.ts', 'options.ts', 'schema.ts', 'version.ts'],
  ],
  'errors.ts': [],
  'types.ts': ['errors.ts'],
  'version.ts': [],
  'options.ts': ['formats', 'types.ts'],
  'schema.ts': ['options.ts', 'errors.ts', 'types.ts'],
  'batch.ts': ['dataset', 'plan', 'render', 'masks', 'errors.ts', 'types.ts', 'options.ts', 'schema.ts'],
  'index.ts': ['verbs', 'engine', 'output', 'render', 'batch.ts', 'errors.ts', 'types.ts', 'options.ts'],
};

/** Packages that are heavy, or that one file hides from the others. */
const owners: readonly (readonly [name: string, owner: RegExp])[] = [
  ['sharp', /^codecs\/image\.ts$/],
  ['@tensorflow/tfjs-core', /^(render\/|batch\.ts$)/],
  ['@tensorflow/tfjs-backend-cpu', /^render\//],
  ['@tensorflow/tfjs-backend-webgpu', /^render\//],
  ['@tensorflow/tfjs-node-gpu', /^render\/tensorflow\.ts$/],
  ['webgpu', /^render\/webgpu\.ts$/],
  ['commander', /^cli\/(main|flags)\.ts$/],
  ['cli-progress', /^cli\/progress\.ts$/],
  ['tinypool', /^engine\/(threads|worker)\.ts$/],
  ['p-limit', /^base\/parts\.ts$/],
  ['saxes', /^formats\/xml\.ts$/],
  ['zod', /^(schema|output\/manifest)\.ts$/],
];

/** Tests of what no single file or folder of src does. */
const unmirrored: readonly string[] = [
  'architecture',
  'codecs/hostile',
  'docs',
  'formats/panoptic',
  'masks/shapes',
  'render/faults',
  'verbs/hostile',
];

/** Text of each file of src by its path there. */
type Source = ReadonlyMap<string, string>;

const source: Source = new Map(
  readdirSync('src', { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => [file, readFileSync(join('src', file), 'utf8')]),
);

/** What a file imports, for its types too: files of src by their paths there, packages by their names. */
function importsOf(file: string, text: string): string[] {
  const pattern = /(?:^(?:import|export)\b[^'"`;]*?\bfrom\s*|^import\s*|\bimport\(\s*|\brequire\(\s*)['"`]([^'"`]+)['"`]/gm;
  return [...text.matchAll(pattern)].map(([, name = '']) => (name.startsWith('.') ? normalize(join(dirname(file), name)) : name));
}

/** The room of a file; a file of the face is one of its own. */
function roomOf(file: string): string {
  return file.split('/')[0] as string;
}

function isOfSource(name: string): boolean {
  return name.endsWith('.ts');
}

/** Imports that the table does not allow, and imports of one verb by another. */
function forbiddenImports(files: Source): string[] {
  return [...files].flatMap(([file, text]) => {
    const room = roomOf(file);
    const isAllowed = (name: string): boolean =>
      roomOf(name) === room ? room !== 'verbs' : (allowed[room] as readonly string[]).includes(roomOf(name));
    return importsOf(file, text)
      .filter((name) => isOfSource(name) && !isAllowed(name))
      .map((name) => `${file} imports ${name}`);
  });
}

/** Files that import themselves by way of others. */
function cyclesOf(files: Source): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' > '));
      return;
    }
    if (done.has(file)) return;
    for (const name of importsOf(file, files.get(file) ?? '').filter(isOfSource)) visit(name, [...path, file]);
    done.add(file);
  };
  for (const file of files.keys()) visit(file, []);
  return cycles;
}

test('every file is in a room of the table, and the root has the face alone', () => {
  expect([...new Set([...source.keys()].map(roomOf))].sort()).toEqual(Object.keys(allowed).sort());
  expect([...source.keys()].filter((file) => !file.includes('/')).length).toBeLessThanOrEqual(8);
});

test('a room imports what the table allows, and a verb no other verb', () => {
  expect(forbiddenImports(source)).toEqual([]);
});

test('a test lies where its source lies', () => {
  const names = readdirSync('test', { recursive: true }).flatMap((file) => /^(.*)\.test\.ts$/.exec(String(file))?.[1] ?? []);
  const hasSource = (name: string): boolean => existsSync(join('src', name)) || existsSync(join('src', `${name}.ts`));
  expect(names.filter((name) => !hasSource(name)).sort()).toEqual(unmirrored);
});

test('no file imports itself by way of others', () => {
  expect(cyclesOf(source)).toEqual([]);
});

/** Places where a format's name is spelled outside its folder and the table of layouts. */
function namedFormats(files: Source): string[] {
  const folders = new Set([...files.keys()].flatMap((file) => /^formats\/([^/]+)\//.exec(file)?.[1] ?? []));
  return [...files].flatMap(([file, text]) =>
    [...text.matchAll(/(?<=['"`/])(\w+)(?=['"`/])/g)]
      .map(([name]) => name)
      .filter((name) => (folders.has(name) || name === 'panoptic') && !file.startsWith(`formats/${name}/`))
      .map((name) => `${file} spells ${name}`),
  );
}

test("a format's name is spelled in its folder and its row alone, but for what one format knows of another", () => {
  const found = namedFormats(source).filter((one) => !one.startsWith('formats/layouts.ts'));
  // COCO's documents have no name of their own: they are those that are of no other format.
  expect([...new Set(found)]).toEqual(['formats/coco/find.ts spells cvat', 'formats/coco/find.ts spells datumaro']);
  expect(namedFormats(new Map([...source, ['verbs/x.ts', "if (layout === 'yolo') return;"]]))).toContain('verbs/x.ts spells yolo');
});

test('the table has no cycle', () => {
  const rooms: Source = new Map(
    Object.entries(allowed).map(([room, names]) => [
      room.replace(/(\.ts)?$/, '.ts'),
      names.map((name) => `import '${`./${name}`.replace(/(\.ts)?$/, '.ts')}';`).join('\n'),
    ]),
  );
  expect(cyclesOf(rooms)).toEqual([]);
});

test('planning is pure: no node module, no package, no clock, no other randomness', () => {
  for (const [file, text] of source) {
    if (roomOf(file) !== 'plan' && file !== 'types.ts') continue;
    expect(importsOf(file, text).filter((name) => !isOfSource(name))).toEqual([]);
    expect(text, file).not.toMatch(/Math\.random|Date\b|performance\.|\bprocess\b/);
  }
});

test.each(owners)('%s has one owner', (name, owner) => {
  const users = [...source].filter(([file, text]) => importsOf(file, text).includes(name)).map(([file]) => file);
  expect(users.length).toBeGreaterThan(0);
  for (const file of users) expect(file).toMatch(owner);
});

describe('an import that is planted is found', () => {
  const first = (room: string): string => [...source.keys()].find((file) => roomOf(file) === room) as string;
  const to = (from: string, file: string): string => `${from.includes('/') ? '..' : '.'}/${file}`;
  const pairs = Object.keys(allowed).flatMap((from) =>
    Object.keys(allowed)
      .filter((room) => room !== from && !(allowed[from] as readonly string[]).includes(room))
      .map((room) => [from, room] as const),
  );

  test.each(pairs)('from %s into %s', (room, other) => {
    const [file, target] = [first(room), first(other)];
    for (const line of [
      `import { x } from '${to(file, target)}';`,
      `import type { X } from '${to(file, target)}';`,
      `export * from '${to(file, target)}';`,
      `const x = await import('${to(file, target)}');`,
      `type X = import('${to(file, target)}').X;`,
    ])
      expect(forbiddenImports(new Map([[file, `${line}\n${source.get(file)}`]]))).toEqual([`${file} imports ${target}`]);
  });

  test('from a verb into another, and from a file into one that imports it', () => {
    const verbs = [...source.keys()].filter((file) => roomOf(file) === 'verbs');
    expect(verbs.length).toBeGreaterThan(5);
    for (const verb of verbs)
      for (const other of verbs.filter((one) => one !== verb))
        expect(
          forbiddenImports(new Map([[verb, `import type { X } from './${other.slice('verbs/'.length)}';\n${source.get(verb)}`]])),
        ).toEqual([`${verb} imports ${other}`]);
    const budget = `import type { X } from './pipeline.ts';\n${source.get('engine/budget.ts')}`;
    const cycles = cyclesOf(new Map([...source, ['engine/budget.ts', budget]]));
    expect(cycles).toContainEqual(
      expect.stringMatching(/engine\/budget\.ts > .*engine\/pipeline\.ts|engine\/pipeline\.ts > .*engine\/budget\.ts/),
    );
  });
});
