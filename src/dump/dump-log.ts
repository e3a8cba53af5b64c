/**
 * dump: what lies in a file or directory of Kafka's, shown or verified. It reads only, takes no lock and never more than a piece of a
 * file at a time, so it works on the directory of a broker that is running, which may be writing.
 *
 *     const problems = await dumpLog('data/orders-0', { files, output, records: true, verify: false })
 */
import {
  dumpLogDirectory,
  dumpPartitionDirectory,
  isLogDirectory,
  isPartitionDirectory,
  namesIn,
} from './dump-directory.ts'
import { dumpFile } from './dump-file.ts'
import { type DumpOptions, Report } from './report.ts'

/**
 * Resolves with the number of problems found. `path`: absolute, because names of directories tell topics.
 * @throws Error in a line when there is nothing at `path` that is Kafka's, or it can't be read.
 */
export async function dumpLog(path: string, options: DumpOptions): Promise<number> {
  const report = new Report(options)
  const names = await namesIn(report, path)
  if (names === undefined) {
    const slash = path.lastIndexOf('/')
    await dumpFile(report, path.slice(0, slash), path.slice(slash + 1))
  } else if (isPartitionDirectory(names)) await dumpPartitionDirectory(report, path, names)
  else if (await isLogDirectory(report, path, names)) await dumpLogDirectory(report, path, names)
  else throw new Error(`${path} is neither a log directory nor a partition's`)
  await report.conclude(path)
  return report.problemCount
}
