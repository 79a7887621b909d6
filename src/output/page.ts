/** The page of a report: one HTML file with its script, style, data and pictures, which loads nothing else. */
import { readFile } from 'node:fs/promises';
import { CopyPasteError, systemMessageOf } from '../errors.ts';
import type { PageData } from './page-data.ts';
import { programName } from './single-file.ts';

/** Script and style of the page, which the build bundles from `page/`. */
const script = new URL('../../dist/page/page.js', import.meta.url);
const style = new URL('../../dist/page/page.css', import.meta.url);

/** Text of the page. @throws {CopyPasteError} `io` if its script or style cannot be read. */
export async function pageText(data: PageData): Promise<string> {
  const [code, look] = await Promise.all([script, style].map(readAsset));
  // Nothing but the page itself is loaded or run.
  const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="${programName}">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Report on ${escaped(data.name)} – copypaste</title>
<style>${look}</style>
</head>
<body>
<noscript><p>This page shows its numbers and pictures with a script of its own. Allow scripts to see them.</p></noscript>
<script type="application/json" id="data">${JSON.stringify(data).replaceAll('<', String.raw`\u003c`)}</script>
<script>${code}</script>
</body>
</html>
`;
}

async function readAsset(file: URL): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CopyPasteError('io', `${file.pathname}: cannot be read: ${systemMessageOf(cause)}; install copypaste again`, { cause });
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
