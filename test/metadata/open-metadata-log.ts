/** test: the metadata log of a log directory in memory, as the tests of metadata open it. */
import { BrokerConfig } from '../../src/config/index.ts'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import { activationRecords, firstRecords } from '../../src/metadata/formatting.ts'
import { openMetadataLog } from '../../src/metadata/index.ts'
import type { SimulatedClock } from '../../src/runtime/clock.ts'
import type { FileSystem } from '../../src/runtime/file-system.ts'
import { type Logger, silentLogger } from '../../src/runtime/logger.ts'
import { SeededRandom } from '../../src/runtime/random.ts'

const first = firstRecords()
/** End of the log when it is formatted: three records of the quorum, a level of each feature, and what those ask for. */
export const formattedEndOffset = 3 + first.length + activationRecords(first, 1).length

/** Nothing is replayed yet. `close` stops it cleanly. */
export async function openLog(options: {
  readonly files: FileSystem
  readonly clock: SimulatedClock
  readonly settings?: Record<string, string>
  readonly logger?: Logger
  /** Stands between the metadata log and its partition's log. */
  readonly wrap?: (log: LocalPartitionLog) => LocalPartitionLog
}) {
  const { files, clock, settings = {}, logger = silentLogger, wrap = (log) => log } = options
  const parts = { files, clock, logger, nodeId: 1 }
  const directory = await LogDirectory.open({ ...parts, random: new SeededRandom(1), path: '/data' })
  let log!: LocalPartitionLog
  const metadata = await openMetadataLog({
    ...parts,
    config: BrokerConfig.load({ settings }),
    directory: {
      path: directory.path,
      directoryId: directory.directoryId,
      openPartition: async (wanted) => {
        log = await directory.openPartition(wanted)
        return wrap(log)
      },
    },
  })
  const close = async (): Promise<void> => {
    await metadata.close()
    await directory.close()
  }
  return { metadata, log, directory, close }
}
