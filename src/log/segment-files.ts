/** log: the files of one segment, and others beside them: their names, and what is in them. */
import type { FileSystem } from '../runtime/file-system.ts'

export type SegmentSuffix = '.log' | '.index' | '.timeindex' | '.txnindex' | '.snapshot'

export const allSuffixes = ['.log', '.index', '.timeindex', '.txnindex', '.snapshot'] as const

/** Its indexes have offsets as 32 bits behind the base offset, with a sign. */
export const largestRelativeOffset = 0x7fffffff

/** `00000000000000000042.log` */
export function segmentFileName(baseOffset: number, suffix: SegmentSuffix): string {
  return `${String(baseOffset).padStart(20, '0')}${suffix}`
}

/** Undefined when there is no such file. */
export async function readIfExists(files: FileSystem, path: string): Promise<Buffer | undefined> {
  try {
    return await files.readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Makes what is in a file durable; makes the file where there is none. */
export async function syncFile(files: FileSystem, path: string): Promise<void> {
  const file = await files.open(path, 'write')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
