/** log: the four offset checkpoints of a log directory, which say of each partition what its files do not. */
import { Checkpoint } from './checkpoint.ts'
import {
  cleanedOffsetFileName,
  highWatermarkFileName,
  logStartOffsetFileName,
  type Offsets,
  recoveryPointFileName,
} from './checkpoint-file.ts'
import type { LogStorage } from './log-storage.ts'

/** What is written down of a partition that is open. */
export interface CheckpointedLog {
  readonly recoveryPoint: number
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly oldestOffsetOnDisk: number
  readonly cleanedOffset: number | undefined
}

export class Checkpoints {
  readonly recoveryPoints: Checkpoint
  readonly highWatermarks: Checkpoint
  readonly logStartOffsets: Checkpoint
  readonly cleanedOffsets: Checkpoint

  private constructor(all: readonly [Checkpoint, Checkpoint, Checkpoint, Checkpoint]) {
    ;[this.recoveryPoints, this.highWatermarks, this.logStartOffsets, this.cleanedOffsets] = all
  }

  /** Of the partitions in `open`, and what the files say of others. `names`: the files in `path`. */
  static async load(
    path: string,
    names: readonly string[],
    storage: LogStorage,
    open: ReadonlyMap<string, CheckpointedLog>,
  ): Promise<Checkpoints> {
    const load = (fileName: string, intervalMs: number, note: (offsets: Offsets, name: string) => void) => {
      const collect = (offsets: Offsets): void => {
        for (const name of open.keys()) note(offsets, name)
      }
      return Checkpoint.load({ path: `${path}/${fileName}`, storage, intervalMs, collect }, names.includes(fileName))
    }
    const { limits } = storage
    return new Checkpoints(
      await Promise.all([
        load(recoveryPointFileName, limits.recoveryPointCheckpointIntervalMs, (offsets, name) =>
          offsets.set(name, open.get(name)!.recoveryPoint),
        ),
        load(highWatermarkFileName, limits.highWatermarkCheckpointIntervalMs, (offsets, name) =>
          offsets.set(name, open.get(name)!.highWatermark),
        ),
        load(logStartOffsetFileName, limits.logStartOffsetCheckpointIntervalMs, (offsets, name) => {
          const { logStartOffset, oldestOffsetOnDisk } = open.get(name)!
          if (logStartOffset > oldestOffsetOnDisk) offsets.set(name, logStartOffset)
          else offsets.delete(name)
        }),
        load(cleanedOffsetFileName, limits.recoveryPointCheckpointIntervalMs, (offsets, name) => {
          const { cleanedOffset } = open.get(name)!
          if (cleanedOffset !== undefined) offsets.set(name, cleanedOffset)
          else offsets.delete(name)
        }),
      ]),
    )
  }

  get #all(): readonly Checkpoint[] {
    return [this.recoveryPoints, this.highWatermarks, this.logStartOffsets, this.cleanedOffsets]
  }

  /** Writes those that have changed. */
  async save(): Promise<void> {
    await Promise.all(this.#all.map((checkpoint) => checkpoint.save()))
  }

  /** The partition is gone. */
  forget(name: string): void {
    for (const checkpoint of this.#all) checkpoint.forget(name)
  }

  /** Resolves when no file says anything of a partition that is about to be made. */
  async ensureForgotten(name: string): Promise<void> {
    await Promise.all(this.#all.map((checkpoint) => checkpoint.ensureForgotten(name)))
  }

  /** Writes nothing more by itself. */
  close(): void {
    for (const checkpoint of this.#all) checkpoint.close()
  }
}
