/** The format of VIA, the VGG Image Annotator 1 and 2: an export in JSON, or a project. */
import type { DocumentFormat } from '../format.ts';
import { classOfRegion } from './classes.ts';
import { openVia, outlineOf, shapesOfVia, type ViaDocument, type ViaOwn } from './read.ts';
import type { ViaRegion } from './values.ts';
import { documentText, pastedEntry, plainEntry, type ViaEntry } from './write.ts';

export const via: DocumentFormat<ViaOwn, ViaRegion, ViaEntry, ViaDocument> = {
  kind: 'documents',
  attributes: true,
  classesByName: true,
  open: openVia,
  shapes: shapesOfVia,
  plain: ([part = ''], sample, { image }) => plainEntry(part, sample, image),
  pasted: (pasted, { image }, { classNames }) => pastedEntry(pasted, image, classNames),
  text: documentText,

  contradictions({ own: { image, attribute }, shapes }, classNames) {
    const names = new Set(classNames.values());
    return shapes.flatMap(({ id, own, instance }) => {
      const title = `image '${image.filename}': regions[${id}]`;
      const named = attribute && classOfRegion(own.region_attributes, attribute.name);
      if (named !== undefined && !names.has(named)) return [`${title} is of the class '${named}', which is not defined`];
      const hasClass = !attribute || named !== undefined;
      return hasClass && !instance && outlineOf(own.shape_attributes) ? [`${title} has no pixels inside its image`] : [];
    });
  },
};
