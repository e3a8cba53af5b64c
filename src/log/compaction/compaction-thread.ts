/** log: compaction in a thread of its own, one for each run, and what that thread does. The files must be the real ones. */
import { realClock } from '../../runtime/clock.ts'
import { blockingFileSystem } from '../../runtime/node-file-system.ts'
import { answerRequests, giveWay, threadData, WorkerThread } from '../../runtime/worker-thread.ts'
import type { CleanedSegment, CompactionPlan, Compactor, SourceSegment } from './compaction.ts'
import { CompactionRun } from './compaction-run.ts'

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
    bytesPerTurn: undefined,
  })
  answerRequests(({ group }: Request) => (group === undefined ? run.readDirty() : run.clean(group)))
}
