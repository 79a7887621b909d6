/** Writes a bank of objects: cut-outs of the instances of a data set, and their manifest. */

import { dirname } from 'node:path';
import { recordsText } from '../base/lines.ts';
import { joinPath } from '../base/paths.ts';
import { CopyPasteError } from '../errors.ts';
import { asBankHead, asBankRecord, type Bank, type BankRecord, readBank } from '../formats/bank.ts';
import { journalName } from '../formats/unfinished.ts';
import { isIntact } from './check-files.ts';
import { createOutputFolder, removeTemporaries, syncFolders, writeAtomic } from './files.ts';
import type { BankRunHead } from './head.ts';
import type { Journal } from './journal.ts';
import { removeJournal } from './journal-place.ts';
import type { RunKind } from './kinds.ts';
import { manifestName } from './manifest-file.ts';
import type { HashedFile } from './records.ts';
import { closeRun, refuseChanged } from './run.ts';
import { isTaken } from './stored.ts';

/** A bank that is complete, and what its records hold. */
export interface CompleteBank extends Bank {
  /** Cut-outs that were written. */
  readonly outputs: readonly HashedFile[];
  /** Files of the data set that were read. */
  readonly inputs: readonly HashedFile[];
  /** Number of cut-outs by class id. */
  readonly classes: ReadonlyMap<number, number>;
}

/** Runs of `extract`. */
export const bankRun: RunKind<BankRunHead, BankRecord, CompleteBank> = {
  head: (value) => asBankHead(value) as BankRunHead,
  record: asBankRecord,
  async read(path) {
    const outputs: HashedFile[] = [];
    const read: HashedFile[] = [];
    const classes = new Map<number, number>();
    const bank = await readBank(dirname(path), ({ cutouts, inputs = [] }) => {
      for (const { path, sha256 } of inputs) read.push({ path, sha256 });
      for (const { path, sha256, classId } of cutouts) {
        outputs.push({ path, sha256 });
        classes.set(classId, (classes.get(classId) ?? 0) + 1);
      }
    });
    return { ...bank, outputs, inputs: read, classes };
  },
  headOf: ({ head }) => head as BankRunHead,
  filesOf: ({ outputs }) => outputs.map(({ path }) => path),
};

/** Result for one sample. */
export interface BankOutcome {
  readonly id: string;
  /** Reason why the sample was skipped; its record has no cut-outs then. */
  readonly skipped?: string | undefined;
  readonly record: BankRecord;
}

/** Folder of a bank that is being written. */
export interface BankOutput {
  /** Keys of samples that were in progress when an earlier run died. */
  readonly suspects: ReadonlySet<string>;
  /** Reason to skip each sample that crashes a process, by id. */
  readonly poison: ReadonlyMap<string, string>;
  /** Records a sample that crashes a process. */
  addPoison(id: string, reason: string): Promise<void>;
  /**
   * Recalls a sample of an earlier run, if all its cut-outs still exist unchanged.
   *
   * @throws {CopyPasteError} `usage` if an input file has changed since.
   */
  recall(key: string): Promise<BankOutcome | undefined>;
  /** Records that a sample begins. */
  begin(key: string): Promise<void>;
  /**
   * Records that cut-outs will be written.
   *
   * @throws {CopyPasteError} `cannotCreate` if one of them exists and was not written by an earlier run.
   */
  announce(key: string, paths: readonly string[]): Promise<void>;
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Records that the cut-outs of a sample are written. */
  end(key: string, outcome: BankOutcome): Promise<void>;
  /** Writes the manifest. @param keys of all samples in order. @param tail what follows the records. */
  finish(keys: readonly string[], tail: object): Promise<void>;
  /** Records that no sample is in progress, and closes the journal. */
  close(): Promise<void>;
}

/** Creates the output of a bank whose journal is open. @param root folder of the data set. */
export async function createBankOutput(
  out: string,
  root: string,
  head: BankRunHead,
  journal: Journal<BankRunHead, BankRecord>,
): Promise<BankOutput> {
  const own = await journal.files();
  const folders = new Set<string>();
  const { guarded } = createOutputFolder(out);
  let empty = !journal.begun;
  return {
    suspects: journal.suspects,
    poison: journal.poison,
    addPoison: (poison, reason) => journal.add({ poison, reason }),

    async recall(key) {
      const [outcome] = (await journal.recall(key))?.outcomes ?? [];
      if (!outcome?.record) return undefined;
      const { inputs = [], cutouts } = outcome.record;
      for (const file of inputs) await refuseChanged(root, file, out);
      for (const file of cutouts) if (!(await isIntact(out, file))) return undefined;
      for (const { path } of cutouts) folders.add(dirname(path));
      return outcome as BankOutcome;
    },

    begin(key) {
      empty = false;
      return journal.add({ begin: key, files: [] });
    },

    async announce(key, paths) {
      for (const path of paths) {
        if (!own.has(path) && (await isTaken(joinPath(out, path))))
          throw new CopyPasteError(
            'cannotCreate',
            `--out ${out}: ${path} would be replaced, but was not written by an earlier run; move it elsewhere`,
          );
        folders.add(dirname(path));
      }
      await journal.add({ begin: key, files: [...paths] });
    },

    write: (path, bytes) => guarded(path, (file) => writeAtomic(file, bytes)),

    end: (key, outcome) => journal.add({ end: key, outcomes: [outcome], read: [] }),

    async finish(keys, tail) {
      await journal.read();
      await removeTemporaries(out);
      await syncFolders(out, folders);
      await guarded(manifestName, (file) => writeAtomic(file, () => recordsText(head, recordsOf(journal, keys), () => tail)));
      await syncFolders(out, []);
      await removeJournal(out, journalName).catch(() => {});
    },

    close: () => closeRun(out, journalName, journal, empty),
  };
}

async function* recordsOf(journal: Journal<BankRunHead, BankRecord>, keys: readonly string[]): AsyncGenerator<BankRecord> {
  for (const key of keys) {
    const [outcome] = (await journal.recall(key, true))?.outcomes ?? [];
    if (!outcome?.record) throw new CopyPasteError('io', `${journalName}: sample ${key} is missing; run again`);
    yield outcome.record;
  }
}
