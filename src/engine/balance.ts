/** The options `balance` and `classWeights`: the classes that they name, and classes that cannot be pasted. */
import { byClassId } from '../dataset/classes.ts';
import { CopyPasteError } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import type { Request } from '../plan/balance.ts';
import type { Balance } from '../plan/measures.ts';
import type { PlanOptions } from '../plan/plan.ts';
import type { ClassNames } from '../types.ts';

type BalanceOptions = Pick<AugmentOptions, 'balance' | 'classWeights'>;

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
