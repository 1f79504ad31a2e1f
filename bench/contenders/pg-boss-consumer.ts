import { QUEUE, startBoss } from './pg-boss-queue.ts'

// node pg-boss-consumer.ts <seconds> <consumers> <jobs of one fetch>
// Fetches and completes jobs in this process, without HTTP, and prints how many.

const [seconds = 1, consumers = 1, batchSize = 1] = process.argv.slice(2).map(Number)
const boss = await startBoss(consumers + 2)
const began = performance.now()
const counts = await Promise.all(Array.from({ length: consumers }, consume))
const took = (performance.now() - began) / 1000
process.stdout.write(`${JSON.stringify({ completed: counts.reduce((sum, each) => sum + each, 0), seconds: took })}\n`)
await boss.stop({ graceful: false })

async function consume(): Promise<number> {
  let completed = 0
  while (performance.now() - began < seconds * 1000) {
    const jobs = await boss.fetch(QUEUE, { batchSize })
    if (jobs.length === 0) throw new Error('The queue ran dry')
    await boss.complete(
      QUEUE,
      jobs.map(({ id }) => id),
    )
    completed += jobs.length
  }
  return completed
}
