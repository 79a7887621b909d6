/** The semantic benchmark of KITTI, which has the classes of Cityscapes. */
import type { ObjectIds, View } from '../types.ts';
import { cityscapesColours, cityscapesThings } from './cityscapes.ts';

/** Instance ids: class · 256 + number, from 1. */
export const kittiObjects: ObjectIds = { perClass: 256, bare: 'product', things: cityscapesThings };

export const kittiViews: readonly View[] = [{ ending: '', folder: 'semantic_rgb', ...cityscapesColours }];
