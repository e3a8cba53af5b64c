/** bench/scale: what is measured at each size, and how it grows. */

/** One broker, restarted with so many of something. */
export interface ScalePoint {
  readonly count: number
  /** From the process's start until the first topic takes a record. */
  readonly restartMs: number
  /** CPU until then. */
  readonly restartCpuMs: number
  readonly residentMb: number
  /** Of one core, with nobody asking. */
  readonly idleCpuPercent: number
  /** CPU of one Metadata request for all topics. */
  readonly metadataCpuMs: number
  /** CPU of one Produce of one record. */
  readonly produceCpuUs: number
}

export interface ScaleCurve {
  readonly unit: string
  readonly points: readonly ScalePoint[]
}

export const scaleMetrics = [
  ['restartMs', 'restart to Produce, ms'],
  ['restartCpuMs', 'CPU of the restart, ms'],
  ['residentMb', 'resident, MB'],
  ['idleCpuPercent', 'idle CPU, % of a core'],
  ['metadataCpuMs', 'CPU of a Metadata, ms'],
  ['produceCpuUs', 'CPU of a Produce, µs'],
] as const satisfies readonly (readonly [keyof ScalePoint, string])[]

/** How fast something grows between the last two sizes: 1 is with their number, 2 with its square. NaN: it is nothing at one of them. */
export function growth(points: readonly ScalePoint[], metric: keyof ScalePoint): number {
  const [before, last] = points.slice(-2)
  if (!(before![metric] > 0 && last![metric] > 0)) return Number.NaN
  return Math.log(last![metric] / before![metric]) / Math.log(last!.count / before!.count)
}
