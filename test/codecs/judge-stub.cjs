// Stands for the process that judges files: it is killed by a short file, and calls a file damaged if it is not its first.
let tried = 0;
process.on('message', ({ bytes }) => {
  if (bytes.length < 20) process.kill(process.pid, 'SIGKILL');
  process.send(tried++ > 0);
});
