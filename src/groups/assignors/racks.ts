/** groups/assignors: when client-side assignors look at racks (KIP-881). Source: Kafka's AbstractPartitionAssignor. */

/** Whether it can help: some member is in a rack with replicas, and not every partition is in all racks that have any. */
export function racksMatter(memberRacks: ReadonlySet<string>, partitionRacks: readonly ReadonlySet<string>[]): boolean {
  const all = new Set<string>()
  for (const racks of partitionRacks) for (const rack of racks) all.add(rack)
  if (![...memberRacks].some((rack) => all.has(rack))) return false
  return partitionRacks.some((racks) => racks.size !== all.size)
}
