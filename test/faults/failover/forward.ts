import { connect, createServer } from 'node:net'
import { pipeline } from 'node:stream'

// node forward.ts <port>:<target> … passes on what is sent to each port.
for (const word of process.argv.slice(2)) {
  const [port, target] = word.split(':').map(Number) as [number, number]
  const server = createServer((socket) => {
    const onward = connect(target, '127.0.0.1')
    pipeline(socket, onward, socket, () => {})
  })
  server.listen(port, '127.0.0.1')
}
