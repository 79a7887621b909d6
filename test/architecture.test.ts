import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Allowed imports of each room, besides itself, from the tables of ARCHITECTURE.md; each file of the face is a room of its own. */
const allowed: Readonly<Record<string, readonly string[]>> = allowedBy(readFileSync('ARCHITECTURE.md', 'utf8'));

function allowedBy(text: string): Record<string, string[]> {
  const rows = new Map([...text.matchAll(/^\| `(\w+)` +\|.*\|(.*)\|$/gm)].map(([, room = '', imports = '']) => [room, imports]));
  const namesOf = (room: string): string[] => {
    const imports = rows.get(room) ?? '';
    const names = [...imports.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
    return [...new Set(imports.includes('and below') ? names.flatMap((name) => [name, ...namesOf(name)]) : names)];
  };
  return Object.fromEntries([...rows.keys()].map((room) => [room, namesOf(room)]));
}

/** Files outside src that files of src load. */
const outside: readonly string[] = [
  // Schema of the configurations, which init names in them.
  'cli/init.ts imports ../config.schema.json',
  'engine/programs.ts imports ../bin/copypaste.cjs',
  'output/font.ts imports ../fonts/fixed-18.br',
  // Bundles of page/.
  'output/page.ts imports ../dist/page/page.ts',
  'output/page.ts imports ../dist/page/page.css',
  'version.ts imports ../package.json',
];

/** Packages that are heavy, or that one file hides from the others. */
const owners: readonly (readonly [name: string, owner: RegExp])[] = [
  ['sharp', /^codecs\/image\.ts$/],
  ['@tensorflow/tfjs-core', /^(render\/|batch\.ts$)/],
  ['@tensorflow/tfjs-backend-cpu', /^render\//],
  ['@tensorflow/tfjs-backend-webgpu', /^render\//],
  ['@tensorflow/tfjs-node-gpu', /^render\/tensorflow\.ts$/],
  ['webgpu', /^render\/webgpu\.ts$/],
  ['@aws-sdk/client-s3', /^storage\/s3-client\.ts$/],
  ['commander', /^cli\/(main|flags)\.ts$/],
  ['tinypool', /^engine\/(threads|worker)\.ts$/],
  ['p-limit', /^base\/parts\.ts$/],
  ['saxes', /^formats\/xml\.ts$/],
  ['fflate', /^codecs\/numpy\.ts$/],
  ['hyparquet', /^archives\//],
  ['hyparquet-compressors', /^archives\//],
  ['hyparquet-writer', /^archives\/parquet-writer\.ts$/],
  ['zod', /^(schema|engine\/inspection|output\/(manifest|journal|run-file))\.ts$/],
];

/** Tests that do not mirror a single file or folder of src. */
const unmirrored: readonly string[] = [
  'architecture',
  'codecs/hostile',
  'docs',
  'formats/encodings',
  'formats/panoptic',
  'fuzz/fuzz',
  'growth',
  'masks/shapes',
  'package/examples',
  'package/install',
  'render/faults',
  's3/s3',
  'verbs/hostile',
  'verbs/leaves',
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

/** Imports of a file, including those of types and of programs that it runs: files by their paths in src, packages by name. */
function importsOf(file: string, text: string): string[] {
  const call = String.raw`\b(?:import|require|new URL|createRequire\([^)]*\))\(\s*`;
  const pattern = new RegExp(String.raw`(?:^(?:import|export)\b[^'"\`;]*?\bfrom\s*|^import\s*|${call})['"\`]([^'"\`]+)['"\`]`, 'gm');
  return [...text.matchAll(pattern)].map(([, name = '']) =>
    name.startsWith('.') ? normalize(join(dirname(file), name)).replace(/\.js$/, '.ts') : name,
  );
}

/** The room of a file. Each file of the face is a room of its own; everything outside src is one room. */
function roomOf(file: string): string {
  return (file.split('/')[0] as string).replace(/\.ts$/, '');
}

function isOfSource(name: string): boolean {
  return name.endsWith('.ts');
}

function isPackage(name: string): boolean {
  return !isOfSource(name) && !name.startsWith('../');
}

/** Imports that the tables do not allow, and imports of one verb by another. */
function forbiddenImports(files: Source): string[] {
  return [...files].flatMap(([file, text]) => {
    const room = roomOf(file);
    const isAllowed = (name: string): boolean =>
      roomOf(name) === room ? room !== 'verbs' : (allowed[room] as readonly string[]).includes(roomOf(name));
    return importsOf(file, text)
      .filter((name) => !isPackage(name) && !isAllowed(name))
      .map((name) => `${file} imports ${name}`);
  });
}

/** Files that import themselves through other files. */
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

test('every file is in a room of the tables, and the root has the face alone', () => {
  expect([...new Set([...source.keys()].map(roomOf))].sort()).toEqual(Object.keys(allowed).sort());
  expect([...source.keys()].filter((file) => !file.includes('/')).length).toBeLessThanOrEqual(8);
});

test('a room imports what the tables allow, and a verb no other verb', () => {
  expect(forbiddenImports(source)).toEqual(outside);
});

test('the page of a report runs apart: it shares with src what its data are, and uses one package', () => {
  const files = readdirSync('page').filter((file) => file.endsWith('.ts'));
  const imports = files.flatMap((file) => importsOf(`page/${file}`, readFileSync(join('page', file), 'utf8')));
  const others = imports.filter((name) => !/^page\/\w+\.ts$/.test(name));
  expect([...new Set(others)].sort()).toEqual(['@observablehq/plot', 'src/output/page-data.ts', 'src/output/reasons.ts', 'src/types.ts']);
});

test('a test lies where its source lies', () => {
  const names = readdirSync('test', { recursive: true }).flatMap((file) => /^(.*)\.test\.ts$/.exec(String(file))?.[1] ?? []);
  const hasSource = (name: string): boolean => existsSync(join('src', name)) || existsSync(join('src', `${name}.ts`));
  expect(names.filter((name) => !hasSource(name)).sort()).toEqual(unmirrored);
});

test('no file imports itself by way of others', () => {
  expect(cyclesOf(source)).toEqual([]);
});

/** Files and packages that a program loads when it starts: without imports of types, and without those that run later. */
function loadedBy(file: string, files: Source, loaded = new Set<string>()): Set<string> {
  const pattern = /^(?:import|export)\s+(?!type\b)[^;'"`]*?\bfrom\s*['"`]([^'"`]+)['"`]/gm;
  for (const [, given = ''] of (files.get(file) ?? '').matchAll(pattern)) {
    const name = given.startsWith('.') ? normalize(join(dirname(file), given)) : given;
    if (loaded.has(name)) continue;
    loaded.add(name);
    loadedBy(name, files, loaded);
  }
  return loaded;
}

test('worker threads load neither zod, options nor dataset/open.ts: each thread would compile it again', () => {
  const loaded = [...loadedBy('engine/worker.ts', source)];
  expect(loaded).toContain('engine/pipeline.ts');
  expect(loaded.filter((name) => ['zod', 'fflate', 'schema.ts', 'options.ts', 'dataset/open.ts'].includes(name))).toEqual([]);
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
  // COCO's documents have no marker of their own; `isCoco` asks the other formats.
  expect([...new Set(found)]).toEqual(['cvat', 'datumaro', 'labelme', 'via'].map((name) => `formats/coco/find.ts spells ${name}`));
  expect(namedFormats(new Map([...source, ['verbs/x.ts', "if (layout === 'yolo') return;"]]))).toContain('verbs/x.ts spells yolo');
});

test('the tables have no cycle', () => {
  const rooms: Source = new Map(
    Object.entries(allowed).map(([room, names]) => [`${room}.ts`, names.map((name) => `import './${name}.ts';`).join('\n')]),
  );
  expect(rooms.size).toBeGreaterThan(15);
  expect(cyclesOf(rooms)).toEqual([]);
});

/** Impure parts of planning, and of everything that it imports. */
function impurities(files: Source): string[] {
  const reached = new Set([...files.keys()].filter((file) => roomOf(file) === 'plan'));
  for (const file of reached) for (const name of importsOf(file, files.get(file) ?? '').filter(isOfSource)) reached.add(name);
  return [...reached].flatMap((file) => {
    const text = files.get(file) ?? '';
    const words = text.match(/\b(Math\.random|Date|performance|process|crypto|globalThis)\b/g) ?? [];
    return [...importsOf(file, text).filter((name) => !isOfSource(name)), ...words].map((what) => `${file} uses ${what}`);
  });
}

test('planning is pure, and all that it imports: no node module, no package, no clock, no other randomness', () => {
  expect(impurities(source)).toEqual([]);
});

test.each(['plan/rng.ts', 'masks/spans.ts', 'types.ts'])('an impurity that is planted in %s is found', (file) => {
  for (const [line, what] of [
    ["import { join } from 'node:path';", 'node:path'],
    ["const sharp = createRequire(import.meta.url)('sharp');", 'sharp'],
    ['const x = Math.random();', 'Math.random'],
    ['const now = Date.now();', 'Date'],
  ])
    expect(impurities(new Map([...source, [file, `${source.get(file)}\n${line}`]]))).toEqual([`${file} uses ${what}`]);
});

/** Files that read inputs from the disk by themselves, although the data set may be in a store. */
function ownReaders(files: Source): string[] {
  return [...files]
    .filter(([file]) => ['masks', 'codecs', 'formats', 'dataset', 'plan', 'render'].includes(roomOf(file)))
    .flatMap(([file, text]) =>
      [...text.matchAll(/^import \{ ([^}]*) \} from 'node:(?:fs|fs\/promises|path)';$/gm)].flatMap(([, names = '']) =>
        names
          .split(', ')
          .filter((name) => !['realpath', 'basename', 'posix', 'sep', 'resolve'].includes(name))
          .map((name) => `${file} uses ${name}`),
      ),
    );
}

test('data sets are read through base alone, so that they may be in any store', () => {
  expect(ownReaders(source)).toEqual([]);
  expect(
    ownReaders(new Map([['formats/x.ts', "import { join, posix } from 'node:path';\nimport { readFile } from 'node:fs/promises';"]])),
  ).toEqual(['formats/x.ts uses join', 'formats/x.ts uses readFile']);
});

test.each(owners)('%s has one owner', (name, owner) => {
  const users = [...source].filter(([file, text]) => importsOf(file, text).includes(name)).map(([file]) => file);
  expect(users.length).toBeGreaterThan(0);
  for (const file of users) expect(file).toMatch(owner);
});

describe('an import that is planted is found', () => {
  const first = (room: string): string => [...source.keys()].find((file) => roomOf(file) === room) as string;
  const to = (from: string, file: string): string => `${from.includes('/') ? '..' : '.'}/${file}`;
  const planted = (file: string, line: string): string[] => forbiddenImports(new Map([[file, `${line}\n${source.get(file)}`]]));
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
      `const x = new URL('${to(file, target).replace(/ts$/, 'js')}', import.meta.url);`,
    ])
      expect(planted(file, line)).toEqual([`${file} imports ${target}`, ...outside.filter((one) => one.startsWith(file))]);
  });

  test('from any room into a file outside src', () => {
    for (const file of Object.keys(allowed).map(first))
      expect(planted(file, `const x = new URL('${to(file, '../bin/x.cjs')}', import.meta.url);`)).toContain(`${file} imports ../bin/x.cjs`);
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
