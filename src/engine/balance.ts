/** The options `balance` and `classWeights`: the file of the former, the classes that they name, and classes that cannot be pasted. */
import { byClassId } from '../dataset/classes.ts';
import { readYaml } from '../dataset/yaml.ts';
import { CopyPasteError } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import type { Request } from '../plan/balance.ts';
import type { Balance } from '../plan/measures.ts';
import type { PlanOptions } from '../plan/plan.ts';
import { sharesSchema } from '../schema.ts';
import type { Balancing, ClassNames } from '../types.ts';

type BalanceOptions = Pick<AugmentOptions, 'balance' | 'classWeights'>;

/**
 * Shares in a balance file.
 *
 * @throws {CopyPasteError} `noInput` when it cannot be read, `data` when it holds no shares.
 */
export async function readShares(path: string, encoding?: string): Promise<Balancing> {
  const flag = '--balance target';
  const parsed = sharesSchema.safeParse(await readYaml(path, flag, encoding));
  if (parsed.success) return parsed.data;
  throw new CopyPasteError(
    'data',
    `${flag} ${path}: not a balance; write lines such as 'shares: {car: 3, bicyclist: 1}', with names or ids and at least one share above 0, and if needed 'of: pasted' or 'of: result', 'by: instances' or 'by: pixels'`,
  );
}

/**
 * Request of the options, in class ids; `undefined` if they ask for nothing. Class weights replace the balance of a preset.
 *
 * @throws {CopyPasteError} `usage` for an unknown class or a class that is named twice.
 */
export function requestOf({ balance, classWeights }: BalanceOptions, names: ClassNames): Request | undefined {
  if (classWeights !== undefined) return { weights: numbersById(classWeights, names, '--class-weights') };
  if (typeof balance !== 'object' || 'rfs' in balance) return balance;
  return { ...balance, shares: numbersById(balance.shares, names, '--balance') };
}

function numbersById(numbers: Readonly<Record<string, number>>, names: ClassNames, flag: string): Map<number, number> {
  return new Map(Object.entries(byClassId(numbers, names, flag)).map(([id, value]) => [Number(id), value]));
}

/** Refuses shares and weights of classes that have no instance to paste, and weights that leave no class. @throws {CopyPasteError} `usage` with the reason. */
export function refuseUnusable(
  { asked, limited }: Balance,
  request: Request,
  names: ClassNames,
  { mayPaste, truncated }: Pick<PlanOptions, 'mayPaste' | 'truncated'>,
): void {
  const flag = typeof request === 'object' && 'weights' in request ? '--class-weights' : '--balance';
  if (flag === '--class-weights' && Object.keys(asked).length === 0)
    throw new CopyPasteError('usage', `${flag}: leaves no class that has an instance to paste; give one a weight above 0`);
  for (const { id, reason } of limited) {
    const name = names.get(id) ?? id;
    const refuse = (why: string): CopyPasteError => new CopyPasteError('usage', `${flag}: class ${name} ${why}`);
    if (reason === 'absent') throw refuse('has no instance in the samples that instances are taken from; leave it out');
    if (reason === 'unusable')
      throw refuse(
        mayPaste(id)
          ? `has no instance that may be pasted; lower --min-area${truncated === 'skip' ? ', pass --truncated keep' : ''}, or leave it out`
          : 'is never pasted; allow it with --classes, --exclude-classes or --stuff, or leave it out',
      );
  }
}
