// Bundles the script and the style of the page of `report`, with the licences of the packages in them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Folders of the packages that a bundle holds code of. */
function packagesIn({ metafile }) {
  const { inputs } = Object.values(metafile.outputs)[0];
  const files = Object.keys(inputs).filter((file) => inputs[file].bytesInOutput > 0);
  const folders = files.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

/** Licences of packages as a comment; equal texts once. */
function licencesOf(folders) {
  const names = new Map();
  for (const folder of folders) {
    const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
    if (file === undefined) throw new Error(`${folder} has no licence`);
    const text = readFileSync(join(folder, file), 'utf8').trim();
    names.set(text, [...(names.get(text) ?? []), folder.replace(/^.*node_modules\//, '')]);
  }
  return `/*!\n${[...names].map(([text, own]) => `${own.join(', ')}:\n${text}`).join('\n\n')}\n*/`;
}

/** Plot marks its index as a file with effects, though only `Mark.prototype.plot` is one, which the page does not call. */
const withoutEffects = {
  name: 'without effects',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^@observablehq\/plot$/ }, async ({ path, pluginData, ...rest }) => {
      if (pluginData === true) return undefined;
      const { path: found } = await resolve(path, { ...rest, pluginData: true });
      return { path: found, sideEffects: false };
    });
  },
};

const shared = { bundle: true, minify: true, outdir: 'dist/page', logLevel: 'warning', target: 'es2022' };
const script = {
  ...shared,
  entryPoints: { page: 'page/main.ts' },
  format: 'iife',
  legalComments: 'none',
  plugins: [withoutEffects],
  // A closing tag would end the script element.
  supported: { 'inline-script': false },
};
const metafile = await build({ ...script, metafile: true, write: false });
await build({ ...script, banner: { js: licencesOf(packagesIn(metafile)) } });
await build({ ...shared, entryPoints: { page: 'page/page.css' } });
