/** log: compaction in a thread of its own, one for each run, and what that thread does. The files must be the real ones. */
import { realClock } from '../../runtime/clock.ts'
import { blockingFileSystem } from '../../runtime/node-file-system.ts'
import { answerRequests, giveWay, sleepThread, threadData, WorkerThread } from '../../runtime/worker-thread.ts'
import type { CleanedSegment, CompactionPlan, Compactor, SourceSegment } from './compaction.ts'
import { CompactionRun } from './compaction-run.ts'

/**
 * Others wait no longer than this takes, where the processor is not taken from a thread before its time is over. The one producer of the
 * `compaction` row waits 1.6 times as long for 1 of 100 answers as without compaction; with four times as much 2.2 times as long, and
 * no less with half as much.
 */
const bytesPerTurn = 64 * 1024
/** Then the thread sleeps as long as it worked, but no longer than this, for on a busy machine it has waited itself. */
const longestSleepMs = 2

type Request = { readonly group?: readonly SourceSegment[] }

/** `module`: one that calls `compactInThread`. */
export function compactorInThread(module: URL): Compactor {
  return {
    start(plan) {
      const thread = new WorkerThread(module, plan)
      return {
        readDirty: async () => (await thread.ask({} satisfies Request)) as number,
        clean: async (group) => (await thread.ask({ group } satisfies Request)) as CleanedSegment,
        end: () => thread.terminate(),
      }
    },
  }
}

/** The thread's side. */
export function compactInThread(): void {
  giveWay()
  const run = new CompactionRun(threadData() as CompactionPlan, {
    files: blockingFileSystem,
    clock: realClock,
    bytesPerTurn,
    giveWay: (workedMs) => sleepThread(Math.min(workedMs, longestSleepMs)),
  })
  answerRequests(({ group }: Request) => (group === undefined ? run.readDirty() : run.clean(group)))
}
