using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Tests.Accelerators;

/// <summary>The kernel's counters, read while their processors go.</summary>
[Collection(StressCollection.Name)]
public sealed class KvmStatisticsTests
{
    private const byte Filler = 0x55;

    /// <summary>A descriptor that was closed may be another file's at once: what is read must never be that.</summary>
    [Fact]
    public void Nobody_reads_from_a_descriptor_that_was_closed()
    {
        IAccelerator accelerator = Backend.Kvm.Open();
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, [.. Enumerable.Repeat(Filler, 0x4000)]);
            for (int round = 0; round < 40; round++)
            {
                using GuestMemory memory = new(1 << 20);
                IPartition partition = accelerator.CreatePartition(memory, CpuVendor.Intel, accelerator.SelectLevel(CpuVendor.Intel));
                IProcessor[] processors = [.. Enumerable.Range(0, 4).Select(partition.CreateProcessor)];
                if (partition.KernelHypercalls is null)
                {
                    Array.ForEach(processors, processor => processor.Dispose());
                    partition.Dispose();
                    Assert.Skip("This host's kernel has no statistics of a processor.");
                }

                using CancellationTokenSource end = new();
                using ManualResetEventSlim reads = new();
                long foreign = 0;
                Thread reader = new(() =>
                {
                    while (!end.IsCancellationRequested)
                    {
                        foreign += partition.KernelHypercalls is null or 0 ? 0 : 1;
                        reads.Set();
                    }
                });
                reader.Start();
                reads.Wait(TestContext.Current.CancellationToken);
                Array.ForEach(processors, processor => processor.Dispose());
                partition.Dispose();
                FileStream[] files = [.. Enumerable.Range(0, 16).Select(_ => File.OpenRead(path))];
                Thread.Sleep(1);
                end.Cancel();
                reader.Join();
                Array.ForEach(files, file => file.Dispose());
                Assert.True(foreign == 0, $"round {round}: {foreign} reads of another file");
            }
        }
        finally
        {
            File.Delete(path);
        }
    }
}
