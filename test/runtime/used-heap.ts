/** Test helper: what V8's heap holds. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
/** Collects all of this thread's heap that nobody holds. */
export const collectGarbage = runInNewContext('gc') as () => void

/** Bytes of the heap of this thread that are in use once everything else is collected. */
export function usedHeapBytes(): number {
  collectGarbage()
  return getHeapStatistics().used_heap_size
}
