/** log: what lies in a log directory beside its partitions: the lock, meta.properties, and what deletions and a crash have left. */
import type { FileSystem } from '../runtime/file-system.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import {
  cleanedOffsetFileName,
  highWatermarkFileName,
  logStartOffsetFileName,
  recoveryPointFileName,
} from './checkpoint-file.ts'
import {
  completeMetaProperties,
  formatMetaProperties,
  type MetaProperties,
  metaPropertiesFileName,
  parseMetaProperties,
} from './meta-properties.ts'
import { deletedPattern } from './partition-directories.ts'

/** Is there while the directory is cleanly stopped. */
export const cleanShutdownFileName = '.kafka_cleanshutdown'
const lockFileName = '.odradek.lock'
/** What a crash leaves of a file that was being replaced. */
const replacedFiles: ReadonlySet<string> = new Set(
  [
    metaPropertiesFileName,
    cleanShutdownFileName,
    recoveryPointFileName,
    highWatermarkFileName,
    logStartOffsetFileName,
    cleanedOffsetFileName,
    'bootstrap.checkpoint',
  ].map((name) => `${name}.tmp`),
)

interface Directory {
  readonly path: string
  readonly files: FileSystem
  readonly logger: Logger
}

/** The cluster.id in the meta.properties of `path`; undefined when there is none, or it can't be read. */
export async function storedClusterId(files: FileSystem, path: string): Promise<string | undefined> {
  try {
    const content = (await files.readFile(`${path}/${metaPropertiesFileName}`)).toString('utf8')
    return parseMetaProperties(path, content).get('cluster.id')
  } catch {
    // Opening it says what is wrong.
    return undefined
  }
}

/** The directory, and its name where the one above it may be opened. */
export async function makeDurable({ path, files, logger }: Directory): Promise<void> {
  // Its first file comes after its name is durable: a process that died in between leaves none.
  const isNew = !(await files.exists(`${path}/${metaPropertiesFileName}`))
  await files.makeDirectory(path)
  if (!isNew) return
  try {
    await files.syncDirectory(`${path}/..`)
  } catch (error) {
    logger.warn({ path, error }, 'the name of the new log directory may not survive a power failure')
  }
}

/** Returns what unlocks it. @throws Error when another broker has it */
export async function lock(files: FileSystem, path: string): Promise<() => Promise<void>> {
  try {
    return await files.lock(`${path}/${lockFileName}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error
    throw new Error(`the log directory ${path} is in use by another broker: stop it, or use another directory`)
  }
}

/** Those of its file, completed, and written where something was missing. @throws Error when they are those of another node or cluster */
export async function loadProperties(
  options: Directory & { readonly nodeId: number; readonly clusterId?: string; readonly random: Random },
  names: readonly string[],
): Promise<MetaProperties> {
  const { files, nodeId, clusterId, random } = options
  const path = `${options.path}/${metaPropertiesFileName}`
  const content = names.includes(metaPropertiesFileName) ? (await files.readFile(path)).toString('utf8') : undefined
  const known = content === undefined ? new Map<string, string>() : parseMetaProperties(path, content)
  const properties = completeMetaProperties(path, known, { nodeId, clusterId }, random)
  const isComplete = [...properties.entries].every(([key, value]) => known.get(key) === value)
  if (!isComplete) await files.replaceFile(path, formatMetaProperties(properties.entries))
  return properties
}

/** What deletions and replacements have left. Nothing depends on it: what can't be removed stays. */
export async function removeLeftOvers({ path, files, logger }: Directory, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (!deletedPattern.test(name) && !replacedFiles.has(name)) continue
    try {
      await files.remove(`${path}/${name}`)
    } catch (error) {
      logger.warn({ path: `${path}/${name}`, error }, 'what a crash has left could not be removed')
    }
  }
}
