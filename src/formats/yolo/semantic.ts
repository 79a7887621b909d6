/** Classes of the masks of a YOLO data set for semantic segmentation. */
import type { Tree } from '../../base/tree.ts';
import type { ClassConfig } from '../format.ts';
import { configInOutput, ignoredId, readConfig } from './config.ts';

/**
 * Reads the classes from `data.yaml`. A single class has the id 1, and 0 is background. With a `label_mapping`, ids in the masks take the
 * names of the ids that they stand for.
 */
export async function readSemanticConfig(tree: Tree, encoding: string): Promise<ClassConfig | undefined> {
  const config = await readConfig(tree, encoding);
  if (!config) return undefined;
  const { file, classNames, mapping } = config;
  const output = { file, ...(await configInOutput(config, tree)) };
  if (mapping.size === 0 && classNames.size === 1)
    return { ...output, classNames: new Map([...classNames.values()].map((name) => [1, name])), background: [0], ignore: [ignoredId] };
  const ids = Array.from({ length: 256 }, (_, id) => [id, mapping.get(id) ?? id] as const);
  const named = ids.flatMap(([id, own]) => (classNames.has(own) ? [[id, classNames.get(own) as string] as const] : []));
  return {
    ...output,
    classNames: new Map(named),
    background: named.filter(([, name]) => /^_*background_*$/i.test(name)).map(([id]) => id),
    // Ids that stand for no class are ignored, and 255 is the one that is written.
    ignore: [ignoredId, ...ids.filter(([id, own]) => own === ignoredId && id !== ignoredId).map(([id]) => id)],
  };
}
