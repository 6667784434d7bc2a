namespace Hyperpatch.Engine.Guests.Loading;

/// <summary>Form of an image file.</summary>
public enum ImageFormat
{
    /// <summary>The bytes as they are to lie in memory.</summary>
    Flat,

    /// <summary>A static 64-bit ELF executable for x86-64.</summary>
    Elf,

    /// <summary>A Multiboot 1 image: 32-bit ELF, or any file whose Multiboot header says where it goes.</summary>
    Multiboot,
}
