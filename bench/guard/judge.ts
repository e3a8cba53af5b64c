/** bench/guard: which ratios are too far above the recorded ones. */

/**
 * A line for each check, measured or recorded, and the line that counts them.
 * @param marginOf the part of a check's recorded ratio by which it may be exceeded
 */
export function judged(
  measured: ReadonlyMap<string, number>,
  recorded: Readonly<Record<string, number>>,
  marginOf: (name: string) => number,
): { readonly lines: readonly string[]; readonly failed: number } {
  const lines: string[] = []
  let failed = 0
  const names = new Set([...measured.keys(), ...Object.keys(recorded)])
  for (const name of names) {
    const [now, before] = [measured.get(name), recorded[name]]
    const margin = marginOf(name)
    const isWithin = now !== undefined && before !== undefined && now <= before * (1 + margin)
    if (!isWithin) failed += 1
    lines.push(
      `${name.padEnd(16)} ${comparison(now, before)}: ${isWithin ? 'ok' : `FAILED, at most +${percent(margin)}`}`,
    )
  }
  return { lines: [...lines, `${names.size - failed} passed, ${failed} failed`], failed }
}

function comparison(now: number | undefined, before: number | undefined): string {
  if (now === undefined) return 'was not measured'
  if (before === undefined) return `${now.toFixed(3)} of the null server, nothing recorded`
  const change = now / before - 1
  return `${now.toFixed(3)} of the null server, ${change >= 0 ? '+' : ''}${percent(change)} of ${before.toFixed(3)}`
}

function percent(part: number): string {
  return `${(100 * part).toFixed(0)} %`
}
