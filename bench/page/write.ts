/** bench/page: `--page FILE...`: takes the figures of these files for the page, then writes it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { outdatedPages } from '../../docs/generate.ts'
import { looseEnds, resultsFile } from './page.ts'
import { isSameMachine, merged, type Part, type Results } from './results.ts'

/**
 * What was measured before of `--scale` and `--long-run` stays until it is measured anew on the same machine, and so do the rows.
 * @param files written with `--json`; later ones go before earlier ones. @returns the exit code
 */
export async function writePage(files: readonly string[]): Promise<number> {
  if (files.length === 0) throw new Error('--page needs the files that were written with --json')
  const parts = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Part)
  const { rows, ...before } = JSON.parse(readFileSync(resultsFile, 'utf8')) as Results
  const hasRows = parts.some((part) => part.rows !== undefined)
  if (!hasRows || isSameMachine(before, parts[0]!)) parts.unshift(hasRows ? before : { ...before, rows })
  const results = merged(parts)
  writeFileSync(resultsFile, `${JSON.stringify(results, undefined, 1)}\n`)
  for (const end of looseEnds(results.rows)) console.error(`bench: ${end}`)
  for (const file of outdatedPages(join(import.meta.dirname, '../../docs'), true)) console.log(`wrote ${file}`)
  return 0
}
